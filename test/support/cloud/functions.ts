import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFunction, type LambdaFunction } from '../lambda/function.ts'
import type { Resource, Templates } from './templates.ts'

/** All functions of the templates that run our own code, by their names. `overrides` are added to their environment. */
export function createFunctions(
  templates: Templates,
  runtimeClient: string,
  overrides: Readonly<Record<string, string>>,
): ReadonlyMap<string, LambdaFunction> {
  const functions = new Map<string, LambdaFunction>()
  for (const resource of templates.ofType('AWS::Lambda::Function')) {
    const { Handler, Environment, Timeout = 3, MemorySize = 128, Runtime, Architectures } = templates.resolved(resource)
    if (Runtime !== 'nodejs24.x') throw new Error(`${resource.id} is to run on ${Runtime} ${Architectures}`)
    const { ref } = functionIdentity(resource)
    const settings = {
      name: ref,
      handler: Handler,
      folder: assetOf(resource, templates),
      environment: { ...(Environment?.Variables ?? {}), ...overrides },
      timeoutMs: Timeout * 1000,
      memoryMb: MemorySize,
      runtimeClient,
    }
    functions.set(ref, createFunction(settings))
  }
  return functions
}

export function functionIdentity({ stack, id, properties }: Resource) {
  const name = typeof properties.FunctionName === 'string' ? properties.FunctionName : `${stack}-${id}`
  return { ref: name, attributes: { Arn: `arn:aws:lambda:eu-central-1:123456789012:function:${name}` } }
}

export const nameInArn = (arn: string): string => /function:([\w-]+)/.exec(arn)?.[1] ?? arn

interface Assets {
  readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>>
}

/** The folder that `cdk deploy` would pack. */
function assetOf({ stack, id, properties }: Resource, { folder }: Templates): string {
  const { files } = JSON.parse(readFileSync(join(folder, `${stack}.assets.json`), 'utf8')) as Assets
  const hash = String(properties.Code.S3Key).replace(/\.zip$/, '')
  const path = files[hash]?.source.path
  if (path === undefined) throw new Error(`The code of ${id} is no asset of ${stack}`)
  return join(folder, path)
}

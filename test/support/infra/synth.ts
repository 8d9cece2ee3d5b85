import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Resource {
  readonly Type: string
  // biome-ignore lint/suspicious/noExplicitAny: the properties of any resource.
  readonly Properties: any
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>
}

export interface Synthesized {
  /** With `<stack>.template.json` and the assets. */
  readonly folder: string
  readonly data: Template
  readonly service: Template
  remove(): Promise<void>
}

const run = promisify(execFile)
export const fixture = fileURLToPath(new URL('../../infra/project', import.meta.url))

/** As on a machine that knows neither AWS nor Docker. */
export const bareEnvironment = { PATH: process.env['PATH'], HOME: tmpdir(), DOCKER_HOST: 'tcp://127.0.0.1:1' }

/** The templates of a project, by a process of its own. Throws with what the rules found. */
export async function synthesize(options: object = {}, project = fixture): Promise<Synthesized> {
  const folder = await mkdtemp(join(tmpdir(), 'kck-synth-'))
  const app = fileURLToPath(new URL('./checked-app.ts', import.meta.url))
  await run(process.execPath, [app, project, folder, JSON.stringify(options)], { cwd: project, env: bareEnvironment })
  const { name = 'kck' } = options as { readonly name?: string }
  const [data, service] = await Promise.all([templateOf(folder, `${name}-data`), templateOf(folder, name)])
  return { folder, data, service, remove: () => rm(folder, { recursive: true, force: true }) }
}

export async function templateOf(folder: string, stack: string): Promise<Template> {
  return JSON.parse(await readFile(join(folder, `${stack}.template.json`), 'utf8'))
}

/** The resources of a type, with their logical ids. */
export function ofType({ Resources }: Template, type: string): readonly (Resource & { readonly id: string })[] {
  return Object.entries(Resources).flatMap(([id, resource]) => (resource.Type === type ? [{ ...resource, id }] : []))
}

/** A value with its references written out: `<AWS::Region>`, `<id>`, `<id.Arn>`, `<stack.output>`. */
export function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const tree = value as Readonly<Record<string, unknown>>
  if (tree['Ref'] !== undefined) return `<${tree['Ref']}>`
  if (tree['Fn::GetAtt'] !== undefined) return `<${(tree['Fn::GetAtt'] as readonly string[]).join('.')}>`
  if (tree['Fn::Join'] !== undefined) {
    const [separator, parts] = tree['Fn::Join'] as readonly [string, readonly unknown[]]
    return parts.map(flat).join(separator)
  }
  const output = tree['Fn::GetStackOutput'] as { StackName: string; OutputName: string } | undefined
  if (output !== undefined) return `<${output.StackName}.${output.OutputName}>`
  return JSON.stringify(value)
}

import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, Stack, type StackProps } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { bundleFunctions } from './bundle.ts'
import { KckData, type KckDataProps } from './data.ts'
import { loadProject, type Project } from './project.ts'
import { KckService, type ServiceOptions } from './service.ts'

/** A project that was read and bundled. */
export interface KckProject {
  readonly project: Project
  /** The folder with the functions. */
  readonly code: string
}

export interface KckProps extends ServiceOptions, Omit<KckDataProps, 'project' | 'name'> {
  /** What `readProject` gave. */
  readonly project: KckProject
  /** Of the deployment, and the beginning of all names in it: 2 to 30 of a-z, 0-9 and `-`, a letter first. @default 'kck' */
  readonly name?: string
}

/** Reads the primers, updaters, processes and settings of a folder and bundles the functions with them. Needs no AWS. */
export async function readProject(folder: string): Promise<KckProject> {
  const project = await loadProject(folder)
  // Of this process alone: CDK copies it as an asset, and two may be at work on one project.
  const code = await mkdtemp(join(tmpdir(), 'kck-functions-'))
  process.once('exit', () => rmSync(code, { recursive: true, force: true }))
  await bundleFunctions(project, code)
  return { project, code }
}

/**
 * The whole system for a project's primers, as a part of any CDK app:
 *
 *     new Kck(stack, 'Kck', { project: await readProject('.') })
 */
export class Kck extends Construct {
  readonly data: KckData
  readonly service: KckService

  constructor(scope: Construct, id: string, props: KckProps) {
    super(scope, id)
    const parts = partsOf(props)
    this.data = new KckData(this, 'Data', parts)
    this.service = new KckService(this, 'Service', { ...parts, data: this.data })
    this.service.node.addDependency(this.data)
  }
}

/** The same in two stacks: `<name>-data`, which is kept, and `<name>`, which can be made again at any time. */
export function kckStacks(app: App, props: KckProps & { readonly env?: StackProps['env'] }) {
  const parts = partsOf(props)
  const { name, ...options } = parts
  const common = { ...(props.env ? { env: props.env } : {}), tags: { service: name } }
  const dataStack = new Stack(app, `${name}-data`, {
    ...common,
    description: 'KCK: what is kept',
    terminationProtection: true,
  })
  const data = new KckData(dataStack, 'Data', parts)
  const serviceStack = new Stack(app, name, { ...common, description: 'KCK: what answers, refreshes and schedules' })
  const service = new KckService(serviceStack, 'Service', { ...options, name, data })
  serviceStack.addStackDependency(dataStack)
  return { dataStack, serviceStack, data, service }
}

const NAME = /^[a-z][a-z0-9-]{1,29}$/

function partsOf(props: KckProps) {
  const { name = 'kck' } = props
  if (!NAME.test(name)) throw new Error(`The name '${name}' must be 2 to 30 of a-z, 0-9 and -, beginning with a letter`)
  return { ...props, ...props.project, name }
}

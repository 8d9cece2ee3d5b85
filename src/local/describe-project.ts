import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TABLES } from '../adapters/cassandra/schema.ts'
import { LOG_TABLES } from '../adapters/cassandra/update-log-tables.ts'
import { configFile, readSettings } from '../config/load.ts'
import { plainObject } from '../config/reader.ts'
import { resolveConfig } from '../config/resolve.ts'
import { createRegistry } from '../primer/create-registry.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import { definitionFiles, loadDefinitions } from '../primer/load.ts'
import { deploymentOf } from '../process/boot.ts'
import type { Process } from '../process/define-process.ts'
import { loadProcesses, processFiles } from '../process/load-processes.ts'
import { type ScheduledJob, scheduledJobs } from '../process/scheduled-jobs.ts'
import type { Updater } from '../updater/definition.ts'

/** What a deployment has to know of a project, as plain data. */
export interface ProjectDescription {
  /** Absolute. */
  readonly folder: string
  /** Its `kck.config.ts`, absolute; null: there is none. */
  readonly configFile: string | null
  /** Its primers, updaters and processes, in their order. */
  readonly definitions: readonly DescribedDefinition[]
  /** What runs by itself, and when. */
  readonly jobs: readonly ScheduledJob[]
  /** Equal as long as all primers compute the same. */
  readonly deployment: string
  readonly sources: readonly DescribedSource[]
  /** The settings name an issuer, or a user pool, that exists in the cloud too. */
  readonly signsIn: boolean
  /** Milliseconds; the longest that one of its computes may take. */
  readonly longestComputeMs: number
  /** The tables of the store, as `CREATE TABLE` has their columns. */
  readonly tables: Readonly<Record<string, string>>
  /** Those of the replicas' log. */
  readonly logTables: Readonly<Record<string, string>>
  /** Some of its primers are replicated. */
  readonly replicates: boolean
}

export interface DescribedDefinition {
  readonly kind: 'primer' | 'updater' | 'process'
  readonly name: string
  /** Absolute. */
  readonly path: string
  /** As messages show the file. */
  readonly label: string
  /** Of a code file: the export that it is. */
  readonly exported: string | null
  /** Of a primer. */
  readonly revision: string | null
}

export interface DescribedSource {
  readonly name: string
  /** Of one that the settings themselves put behind the Data API. */
  readonly resourceArn: string | null
  readonly secretArn: string | null
  readonly database: string | null
}

/** Reads a project without its environment, which is another one where it will run. Throws as a start does. */
export async function describeProject(folder: string): Promise<ProjectDescription> {
  const settings = await readSettings(folder)
  const sources = sourcesOf(settings)
  const config = resolveConfig(settings, { folder, environment: inTheCloud(sources) })
  const options = config.updaters === null ? {} : { updatersFolder: config.updaters }
  const { primers, updaters } = await loadDefinitions(config.primers, options)
  const registry = createRegistry({ primers, updaters })
  const processesFolder = join(config.folder, 'processes')
  const processes = await loadProcesses(processesFolder)

  const files = (await definitionFiles(config.primers, options)).map(({ path }) => path)
  const place = await placesOf(folder, [...files, ...(await processFiles(processesFolder))])
  return {
    folder,
    configFile: configFile(folder),
    definitions: [...primers, ...updaters, ...processes].map(place),
    jobs: scheduledJobs(registry, processes),
    deployment: deploymentOf(registry),
    sources,
    signsIn: config.auth !== null && !('localKey' in config.auth.jwks),
    longestComputeMs: Math.max(config.limits.computeTimeoutMs, ...primers.map(({ timeoutMs }) => timeoutMs ?? 0)),
    tables: TABLES,
    logTables: LOG_TABLES,
    replicates: primers.some(({ replicate }) => replicate),
  }
}

const nowhere: { readonly [K in 'resourceArn' | 'secretArn' | 'database']: string | null } = {
  resourceArn: null,
  secretArn: null,
  database: null,
}

function sourcesOf(settings: unknown): readonly DescribedSource[] {
  const sources = plainObject(plainObject(settings)?.['sources']) ?? { main: {} }
  return Object.entries(sources).map(([name, source]) => {
    const { resourceArn, secretArn, database } = { ...nowhere, ...(plainObject(source) as Partial<typeof nowhere>) }
    return { name, resourceArn, secretArn, database }
  })
}

/** What a source needs to be checked, as the cloud will give it. */
function inTheCloud(sources: readonly DescribedSource[]): Readonly<Record<string, string>> {
  const given = sources.map(({ name, resourceArn, secretArn }) => ({
    [`KCK_SOURCE_${name.toUpperCase()}_RESOURCE_ARN`]: resourceArn ?? 'arn:aws:rds:eu-west-1:1:cluster:later',
    [`KCK_SOURCE_${name.toUpperCase()}_SECRET_ARN`]: secretArn ?? 'arn:aws:secretsmanager:eu-west-1:1:secret:later',
    [`KCK_SOURCE_${name.toUpperCase()}_DATABASE`]: 'later',
  }))
  return Object.assign({}, ...given)
}

type Definition = AnyPrimer | Updater | Process

const CODE = /\.[cm]?[jt]s$/

/** Finds the file and the export of a definition. The modules have been loaded already, so these are the same ones. */
async function placesOf(
  folder: string,
  paths: readonly string[],
): Promise<(definition: Definition) => DescribedDefinition> {
  const codes = await Promise.all(
    paths
      .filter((path) => CODE.test(path))
      .map(async (path) => ({ path, module: (await import(pathToFileURL(path).href)) as Record<string, Definition> })),
  )
  return ({ kind, name, file, ...more }) => {
    const found = codes.flatMap(({ path, module }) =>
      Object.keys(module)
        .filter((key) => module[key]?.kind === kind && module[key].name === name)
        .map((exported) => ({ path, exported })),
    )
    const own = paths.find((path) => !CODE.test(path) && file !== null && path === resolve(file))
    const where = own === undefined ? found[0] : { path: own, exported: null }
    if (!where) throw new Error(`The file of the ${kind} ${name} is not found again`)
    const label = relative(folder, where.path)
    return { kind, name, ...where, label, revision: 'revision' in more ? more.revision : null }
  }
}

import { resolve } from 'node:path'
import { nobody } from '../auth/authorize.ts'
import { KckError } from '../errors.ts'
import type { Access } from '../primer/definition.ts'
import { isLoopback, resolveAuth } from './auth-settings.ts'
import { applyEnvironment, type Environment } from './environment.ts'
import type { Problem } from './reader.ts'
import { resolveReplica } from './replica-settings.ts'
import type {
  ResolvedAccess,
  ResolvedConfig,
  ResolvedCors,
  ResolvedQueue,
  ResolvedSource,
  ResolvedStore,
} from './resolved.ts'
import { configSchema, type Settings } from './schema.ts'

export interface ResolveOptions {
  /** The project's folder, absolute: what relative paths are relative to. */
  readonly folder: string
  readonly environment: Environment
}

/**
 * Settings as the program uses them. Throws one `INVALID_CONFIG` with all problems: as lines of its message, and as
 * `details.problems` (`[{ setting, message }]`).
 */
export function resolveConfig(file: unknown, { folder, environment }: ResolveOptions): ResolvedConfig {
  const problems: Problem[] = []
  const { settings, origins } = applyEnvironment(file, environment, problems)
  const read = configSchema(settings, '', problems)
  refuseIfAny(problems, origins)

  const exposed = !isLoopback(read.server.host) || Boolean(environment['AWS_LAMBDA_FUNCTION_NAME'])
  const auth = read.auth && resolveAuth(read.auth, { folder, exposed }, problems)
  const cors = resolveCors(read.server.cors, problems)
  checkWorkers(read, problems)
  checkLanes(read.queue, problems)
  checkRegion(read.store, environment, problems)
  const store = resolveStore(read.store, { folder, environment })
  const inLambda = Boolean(environment['AWS_LAMBDA_FUNCTION_NAME'])
  const replica = resolveReplica(read.replica, { store, folder, inLambda }, problems)
  refuseIfAny(problems, origins)

  return {
    folder,
    primers: resolve(folder, read.primers),
    updaters: read.updaters === null ? null : resolve(folder, read.updaters),
    primeOnCacheMiss: read.primeOnCacheMiss,
    store,
    queue: resolveQueue(read, folder),
    sources: resolveSources(read.sources, folder),
    auth,
    access: resolveAccess(read.access, auth !== null, exposed),
    writes: read.writes,
    nearCache: { maxBytes: read.nearCache.maxBytes, maxAgeMs: read.nearCache.maxAge },
    replica,
    largeBodies: read.largeBodies,
    limits: {
      deadlineMs: read.limits.deadline,
      computeTimeoutMs: read.limits.computeTimeout,
      bodyBytes: read.limits.bodyBytes,
      keysPerFetch: read.limits.keysPerFetch,
      maxValueBytes: read.limits.maxValueBytes,
    },
    server: { host: read.server.host, port: read.server.port, workers: read.server.workers, cors },
  }
}

function refuseIfAny(problems: readonly Problem[], origins: ReadonlyMap<string, string>): void {
  if (problems.length === 0) return
  const named = problems.map(({ setting, message }) => {
    const origin = origins.get(setting)
    return { setting: (origin ? `${setting} (from ${origin})` : setting) || 'the default export', message }
  })
  const lines = named.map(({ setting, message }) => `  ${setting} ${message}`)
  throw new KckError('INVALID_CONFIG', `The settings are refused:\n${lines.join('\n')}`, {
    details: { problems: named },
  })
}

function resolveStore(store: Settings['store'], { folder, environment }: ResolveOptions): ResolvedStore {
  if (store.kind === 'keyspaces') return { ...store, region: regionOf(store, environment) ?? '' }
  if (store.kind === 'lmdb') return { ...store, path: resolve(folder, store.path) }
  if (store.kind === 'cassandra') return { ...store, ca: store.ca === null ? null : resolve(folder, store.ca) }
  return store
}

/** The servers stand in a region, and so must whoever signs in. */
function regionOf({ region }: { readonly region: string | null }, environment: Environment): string | null {
  return region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? null
}

function checkRegion(store: Settings['store'], environment: Environment, problems: Problem[]): void {
  if (store.kind !== 'keyspaces' || regionOf(store, environment)) return
  problems.push({ setting: 'store.region', message: 'is missing; set it here, or KCK_STORE_REGION, or AWS_REGION' })
}

/** Beside the store, where nothing else is said. */
function resolveQueue({ queue, store }: Settings, folder: string): ResolvedQueue {
  const beside = store.kind === 'lmdb' ? resolve(folder, store.path) : null
  if (queue === null) return beside === null ? { kind: 'memory' } : { kind: 'lmdb', path: beside }
  if (queue.kind !== 'lmdb') return queue
  return {
    kind: 'lmdb',
    path: queue.path === null ? (beside ?? resolve(folder, '.kck/queue')) : resolve(folder, queue.path),
  }
}

/** A queue of two lanes would mix them up. */
function checkLanes(queue: Settings['queue'], problems: Problem[]): void {
  if (queue?.kind !== 'sqs') return
  const { hot, normal, idle } = queue.urls
  if (new Set([hot, normal, idle]).size < 3) {
    problems.push({ setting: 'queue.urls', message: 'must name three different queues, one for each lane' })
  }
}

function resolveSources(sources: Settings['sources'], folder: string): Record<string, ResolvedSource> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, { statementTimeout, ...source }]): [string, ResolvedSource] => {
      const common = { statementTimeoutMs: statementTimeout }
      if (source.kind !== 'pglite') return [name, { ...source, ...common }]
      const path = source.path === null ? null : resolve(folder, source.path ?? `.kck/${name}`)
      const init = source.init === undefined ? null : resolve(folder, source.init)
      return [name, { ...source, ...common, path, init }]
    }),
  )
}

function resolveAccess(access: Settings['access'], signIn: boolean, exposed: boolean): ResolvedAccess {
  const open: Access = exposed ? nobody : 'public'
  return {
    fetch: access.fetch ?? (signIn ? 'authenticated' : 'public'),
    update: access.update ?? (signIn ? 'authenticated' : open),
    // Cognito writes scopes with a slash.
    change: access.change ?? (signIn ? { scopes: ['kck:change', 'kck/change'] } : open),
    admin: access.admin ?? (signIn ? { scopes: ['kck/admin'] } : open),
  }
}

/** What is in one process's memory is not there for the others: each would have its own. */
function checkWorkers({ server, store, sources }: Settings, problems: Problem[]): void {
  if (server.workers === 1) return
  const refuse = (setting: string) =>
    problems.push({ setting, message: 'is in the memory of one process; server.workers must be 1 for that' })
  if (store.kind === 'memory') refuse('store.kind')
  for (const [name, source] of Object.entries(sources)) {
    if (source.kind === 'pglite' && source.path === null) refuse(`sources.${name}.path`)
  }
}

function resolveCors(cors: Settings['server']['cors'], problems: Problem[]): ResolvedCors | null {
  if (cors === null) return null
  const any = cors.origin.includes('*')
  if (any && cors.credentials) {
    problems.push({
      setting: 'server.cors.origin',
      message:
        "cannot be '*' together with credentials: any web page could read with its visitor's rights. Name the origins",
    })
  }
  for (const origin of any ? [] : cors.origin) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      problems.push({
        setting: 'server.cors.origin',
        message: `must hold origins such as 'https://app.example.com'; it has '${origin}'`,
      })
    }
  }
  return { origins: any ? '*' : cors.origin, credentials: cors.credentials, maxAgeMs: cors.maxAge }
}

import { createJwksFetcher, createJwksReader } from '../adapters/http/jwks.ts'
import { createMemoryRefreshQueue } from '../adapters/memory/refresh-queue.ts'
import { systemClock, systemEntropy } from '../adapters/system/clock.ts'
import { type Auth, createAuth } from '../auth/auth.ts'
import type { FetchJwks } from '../auth/key-set.ts'
import type { JwksLocation, ResolvedAuth, ResolvedConfig } from '../config/resolved.ts'
import { createEdge, type Edge } from '../http/edge.ts'
import type { RequestLogEntry } from '../http/request-log.ts'
import { createKck } from '../kck/create-kck.ts'
import type { Kck } from '../kck/kck.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import { createRegistry } from '../primer/create-registry.ts'
import { loadDefinitions } from '../primer/load.ts'
import type { Registry } from '../primer/registry.ts'
import { checkNeeds } from './check-needs.ts'
import { openSources } from './open-sources.ts'
import { openStore } from './open-store.ts'

export interface RuntimeOptions {
  readonly clock?: Clock
  readonly entropy?: Entropy
  /** Called once for every HTTP request. */
  readonly log?: (entry: RequestLogEntry) => void
}

/** The whole system in one process. */
export interface Runtime {
  readonly config: ResolvedConfig
  readonly kck: Kck
  readonly edge: Edge
  readonly auth: Auth
  readonly queue: RefreshQueue
  readonly clock: Clock
  close(): Promise<void>
}

/**
 * Reads the primers and updaters, checks everything that can be checked without a request, opens what the settings name
 * and wires it: beside `functions/runtime.ts` the only place that knows adapters. Throws `INVALID_CONFIG` or
 * `INVALID_DEFINITION`, saying what to change.
 */
export async function createRuntime(config: ResolvedConfig, options: RuntimeOptions = {}): Promise<Runtime> {
  const { clock = systemClock, entropy = systemEntropy, log } = options
  const registry = await loadRegistry(config)
  const auth = await createRuntimeAuth(config, clock)
  const store = await openStore(config.store, { clock, entropy })
  const sources = await openSources(config.sources).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const queue = createMemoryRefreshQueue({ clock, entropy })
  const { limits, nearCache, server } = config
  const kck = createKck({
    registry,
    store,
    sources,
    queue,
    clock,
    entropy,
    options: {
      primeOnMiss: config.primeOnCacheMiss,
      deadlineMs: limits.deadlineMs,
      computeTimeoutMs: limits.computeTimeoutMs,
      maxValueBytes: limits.maxValueBytes,
      nearCacheBytes: nearCache.maxBytes,
      nearCacheMaxAgeMs: nearCache.maxAgeMs,
    },
  })
  const edge = createEdge({
    kck,
    clock,
    auth,
    cors: server.cors,
    limits: { deadlineMs: limits.deadlineMs, bodyBytes: limits.bodyBytes, keysPerRequest: limits.keysPerFetch },
    ...(log ? { log } : {}),
  })
  return { config, kck, edge, auth, queue, clock, close: () => kck.close() }
}

/** The primers and updaters of a project, checked against each other and against its settings. */
export async function loadRegistry(config: ResolvedConfig): Promise<Registry> {
  const { primers, updaters } = config
  const definitions = await loadDefinitions(primers, updaters === null ? {} : { updatersFolder: updaters })
  const registry = createRegistry(definitions)
  checkNeeds(registry, config)
  return registry
}

/** Who can sign in and what they may, as the settings say. */
export async function createRuntimeAuth({ auth, access }: ResolvedConfig, clock: Clock = systemClock): Promise<Auth> {
  return createAuth(auth, access, { clock, fetchJwks: await keysOf(auth) })
}

async function keysOf(auth: ResolvedAuth | null): Promise<FetchJwks> {
  const location: JwksLocation = auth?.jwks ?? { keys: [] }
  if ('url' in location) return createJwksFetcher(location.url)
  if ('file' in location) return createJwksReader(location.file)
  if ('keys' in location) return async () => location
  const { createLocalIssuer } = await import('../auth/local-issuer.ts')
  const issuer = createLocalIssuer(location.localKey)
  // Made now, so that a start is refused here when the folder cannot be written to.
  await issuer.publicKeys()
  return () => issuer.publicKeys()
}

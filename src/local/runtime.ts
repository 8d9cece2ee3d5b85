import { systemClock, systemEntropy } from '../adapters/system/clock.ts'
import type { Auth } from '../auth/auth.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { createEdge, type Edge } from '../http/edge.ts'
import type { RequestLogEntry } from '../http/request-log.ts'
import { createKck } from '../kck/create-kck.ts'
import type { Kck } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import { Activity } from '../operate/activity.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { Definitions } from '../primer/load.ts'
import type { Registry } from '../primer/registry.ts'
import type { Process } from '../process/define-process.ts'
import type { ProcessWorker } from '../process/process-worker.ts'
import type { BudgetedSource } from '../source/budgeted.ts'
import { carryOrigin } from '../trace/carry-origin.ts'
import { budgetSources } from './budget-sources.ts'
import { loadRegistry } from './load-registry.ts'
import { openAuth } from './open-auth.ts'
import { openLargeBodies } from './open-large-bodies.ts'
import { openQueue } from './open-queue.ts'
import { openReplication } from './open-replica.ts'
import { openSources } from './open-sources.ts'
import { openStore } from './open-store.ts'

export interface RuntimeOptions {
  /** What is loaded already, as in a bundle. Default: what is in the project's folders. */
  readonly project?: LoadedProject
  readonly clock?: Clock
  readonly entropy?: Entropy
  /** Called once for every HTTP request. */
  readonly log?: (entry: RequestLogEntry) => void
  /** The folder of the console's page. Default: none. */
  readonly consoleFolder?: string
  /** Bytes of a body, as encoded, that an answer can have. Default: as many as there are. */
  readonly answerBytes?: number
}

export interface LoadedProject {
  readonly definitions: Definitions
  readonly processes: readonly Process[]
}

/** The whole system in one process. */
export interface Runtime {
  readonly config: ResolvedConfig
  readonly kck: Kck
  readonly edge: Edge
  readonly auth: Auth
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly entropy: Entropy
  readonly store: Store
  readonly sources: ReadonlyMap<string, Source>
  /** What happens here; counted where there is a console. */
  readonly activity: Activity
  /** What runs by itself; loaded only where it is to run. Throws `INVALID_DEFINITION`. */
  openProcesses(): Promise<ProcessWorker>
  /** Gives back what other processes may be waiting for: to be called when this one is about to be frozen. */
  beforeFreeze(): Promise<void>
  close(): Promise<void>
}

/**
 * Reads the primers and updaters, checks everything that can be checked without a request, opens what the settings name
 * and wires it: beside `functions/runtime.ts` the only place that knows adapters. Throws `INVALID_CONFIG` or
 * `INVALID_DEFINITION`, saying what to change.
 */
export async function createRuntime(config: ResolvedConfig, options: RuntimeOptions = {}): Promise<Runtime> {
  const { clock = systemClock, entropy = systemEntropy, log, project, consoleFolder } = options
  const { answerBytes = Number.POSITIVE_INFINITY } = options
  const registry = await loadRegistry(config, project?.definitions)
  const auth = await openAuth(config, clock)
  const opened = await openAll(config, registry, { clock, entropy })
  const { replication } = opened
  const { limits, server } = config
  const largeBodies = await openLargeBodies(config.largeBodies, clock)
  const kck = createKck({
    registry,
    ...opened,
    clock,
    entropy,
    options: kckOptions(config),
  })
  const activity = new Activity({ clock, entropy })
  const stopListening = consoleFolder === undefined ? null : activity.listen()
  const edge = createEdge({
    kck,
    clock,
    auth,
    cors: server.cors,
    limits: {
      deadlineMs: limits.deadlineMs,
      bodyBytes: limits.bodyBytes,
      keysPerRequest: limits.keysPerFetch,
      answerBytes,
    },
    largeBodies,
    consoleFolder: consoleFolder ?? null,
    activity,
    ...(log ? { log } : {}),
  })
  const openProcesses = async () => {
    const processes = await import('./open-processes.ts')
    const { jobs = [], publishAll } = replication ?? {}
    const publishing = publishAll ? { publishReplicated: publishAll } : {}
    return processes.openProcesses(
      config,
      { kck, ...opened, queue: carryOrigin(opened.queue), clock, entropy, ...publishing },
      { jobs, bundled: project?.processes },
    )
  }
  const { queue, store, sources } = opened
  const close = async () => {
    stopListening?.()
    await largeBodies?.close()
    await replication?.close()
    await kck.close()
  }
  return {
    config,
    kck,
    edge,
    auth,
    queue,
    store,
    sources,
    clock,
    entropy,
    activity,
    openProcesses,
    beforeFreeze: () => giveBackAll(sources),
    close,
  }
}

async function giveBackAll(sources: ReadonlyMap<string, BudgetedSource>): Promise<void> {
  await Promise.all([...sources.values()].map((source) => source.giveBack?.()))
}

function kckOptions({ primeOnCacheMiss, limits, writes, nearCache, replica }: ResolvedConfig): Partial<KckOptions> {
  return {
    primeOnMiss: primeOnCacheMiss,
    deadlineMs: limits.deadlineMs,
    computeTimeoutMs: limits.computeTimeoutMs,
    maxValueBytes: limits.maxValueBytes,
    writes,
    nearCacheBytes: nearCache.maxBytes,
    nearCacheMaxAgeMs: nearCache.maxAgeMs,
    ...(replica ? { replicaMaxAgeMs: replica.maxAgeMs } : {}),
  }
}

/** What has been opened is closed again when a later part cannot be. */
async function openAll(config: ResolvedConfig, registry: Registry, time: { clock: Clock; entropy: Entropy }) {
  const { store, queue, sources } = config
  const opened: { close(): Promise<void> }[] = []
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.push(part)
    return part
  }
  try {
    const openedStore = keep(await openStore(store, time))
    const openedQueue = keep(await openQueue(queue, time))
    const replication = await openReplication(config, { store: openedStore, registry, ...time })
    if (replication) keep(replication)
    return {
      store: replication?.store ?? openedStore,
      replication,
      queue: openedQueue,
      sources: budgetSources(await openSources(sources), sources, { ...time, registers: openedStore.registers }),
    }
  } catch (error) {
    await Promise.all(opened.map((part) => part.close()))
    throw error
  }
}

import { type AwaitWrite, awaitAfter } from '../change/after.ts'
import { freshness, hasSeenAll, nextEpoch, pendingMarks } from '../entry/freshness.ts'
import { asKckError, KckError } from '../errors.ts'
import { createOperate } from '../operate/create-operate.ts'
import type { Clock } from '../ports/clock.ts'
import type { RefreshRequest } from '../ports/refresh-queue.ts'
import type { WorkItem } from '../ports/work-index.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { candidateOf } from '../refresh/candidate.ts'
import { choose } from '../refresh/choose.ts'
import { lookAt, type Seen, seenOrRead } from '../refresh/look.ts'
import { isOwedToReplicas } from '../replicate/publisher.ts'
import { carryOrigin } from '../trace/carry-origin.ts'
import { announce } from '../update/announce.ts'
import { runUpdate } from '../update/update.ts'
import { createCachedWrites } from '../write/create-cached-writes.ts'
import type { Reads } from '../write/reads.ts'
import { createFlows, type Flows, type KckParts } from './flows.ts'
import { health } from './health.ts'
import type { FetchRequest, Kck } from './kck.ts'
import { DEFAULT_OPTIONS, type KckOptions } from './options.ts'
import { openScope, untilAborted } from './scope.ts'

export interface KckDeps extends KckParts {
  /** @default DEFAULT_OPTIONS */
  readonly options?: Partial<KckOptions>
}

/** KCK over the given ports. Knows no technology: `local/runtime.ts` and `functions/runtime.ts` choose those. */
export function createKck(given: KckDeps): Kck {
  const deps = { ...given, queue: carryOrigin(given.queue) }
  const { registry, store, sources, queue } = deps
  const options: KckOptions = { ...DEFAULT_OPTIONS, ...deps.options }
  const flows = createFlows(deps, options)
  const { changes, byHand } = flows
  const { writes, reads } = createCachedWrites(deps, flows, options)
  const awaitWrite: AwaitWrite = writes.until
  const ready = (request: FetchRequest) => afterItsWrites(request, { clock: deps.clock, options, awaitWrite })
  return {
    registry,
    fetch: async (key, request = {}) => reads.fetch(registry.parseKey(key), await ready(request)),
    fetchMany: async (keys, request = {}) => fetchEach(registry, reads, keys, await ready(request)),
    peek: (key) => reads.peek(key),
    get: async (key, request = {}) => (await reads.fetch(registry.parseKey(key), await ready(request))).body.value(),
    set: async (key, value, request = {}) => byHand.set(registry.parseKey(key), value, request),
    invalidate: async (key, request = {}) => byHand.invalidate(registry.parseKey(key), request),
    purge: async (key, request = {}) => byHand.purge(registry.parseKey(key), request),
    refresh: async (key, request = {}) =>
      reads.fetch(registry.parseKey(key), { ...request, noCache: true, retry: true }),
    invalidateTags: (tags, request = {}) => byHand.invalidateTags(tags, request),
    update: (key, body, request = {}) => runUpdate({ ...deps, options, changes }, key, body, request),
    changed: (change, request = {}) => announce({ ...deps, changes }, change, request),
    writes,
    work: {
      resume: (intent, signal) => resumeOwed(deps, changes, intent, signal),
      refresh: (request, signal, seen = null) => refreshRequested(deps, flows, { request, seen }, signal),
      look: (requests, signal) => lookAt({ registry, entries: store.entries, clock: deps.clock }, requests, signal),
    },
    operate: createOperate(deps, flows, options.compression),
    health: (call = {}) => health(deps, writes, call.signal),
    close: async () => {
      await queue.close()
      await Promise.all([...sources.values()].map((source) => source.close()))
      await store.close()
    },
  }
}

/** The request once the writes that it names are done; what that took counts towards its deadline. */
async function afterItsWrites(
  request: FetchRequest,
  { clock, options, awaitWrite }: { clock: Clock; options: KckOptions; awaitWrite: AwaitWrite | null },
): Promise<FetchRequest> {
  if (request.after === undefined) return request
  const deadline = request.deadline ?? clock.now() + options.deadlineMs
  const scope = openScope(clock, deadline, request.signal)
  try {
    await untilAborted(awaitAfter(request.after, awaitWrite, scope.signal), scope.signal)
    return { ...request, deadline }
  } finally {
    scope.end()
  }
}

/** What another process owed: a change of products, or their way to the replicas. */
async function resumeOwed(
  { replication, store }: KckParts,
  changes: Flows['changes'],
  intent: WorkItem,
  signal?: AbortSignal,
): Promise<void> {
  if (!isOwedToReplicas(intent)) return changes.resume(intent, signal)
  if (replication) return replication.publisher.resume(intent, signal)
  // Nothing is replicated any more.
  await store.workIndex.remove([intent])
}

async function refreshRequested(
  { registry, clock, store }: KckParts,
  { refresher, requests, debounce }: Flows,
  { request, seen }: { readonly request: RefreshRequest; readonly seen: Seen | null },
  signal: AbortSignal,
) {
  const product = registry.parseKey(request.key)
  // A schedule wants what the sources say now, also where nobody has heard of a change.
  const since = request.cause === 'schedule' ? request.at : Number.NEGATIVE_INFINITY
  // A compute that is under way here may have begun before the change that is asked about: only what the store says
  // now tells what it has to have seen.
  const known = await seenOrRead({ entries: store.entries, clock }, product.text, seen, signal)
  const before = known.entry
  if (before.row?.readAt === undefined) await requests.noteRead(product, before)
  if (choose(candidateOf(product, before, request, clock.now()), clock.now()).lane === null) return
  if (await debounce.puttingOff(product, before, request)) return
  const epoch = nextEpoch(before)
  const isMarked = pendingMarks(before).length > 0
  await refresher.refresh(product, {
    cause: request.cause,
    signal,
    known,
    until: (entry) => {
      const state = freshness(entry, product.primer.revision, clock.now())
      if (state.state === 'missing' || state.value.builtEpoch < epoch) return false
      if (state.state === 'fresh') return state.value.asOf >= since
      // Who took the lease may have read fewer of the marks that lay beside the same row, and counted one epoch for them
      // as this does for all: the value has seen every change, but it counts as dirty for what this request is about.
      if (isMarked && state.value.builtEpoch === epoch && !hasSeenAll(entry)) return false
      return state.value.asOf !== before.row?.value?.asOf
    },
  })
}

// A key that cannot be understood fails alone, like one that cannot be computed.
async function fetchEach(registry: Registry, reads: Reads, keys: readonly string[], request: FetchRequest) {
  const parsed = keys.map((key) => {
    try {
      return registry.parseKey(key)
    } catch (error) {
      return asKckError(error)
    }
  })
  const products = parsed.filter((product): product is ProductKey => !(product instanceof KckError))
  const answers = [...(await reads.fetchMany(products, request))]
  return parsed.map((product) =>
    product instanceof KckError ? product : (answers.shift() ?? new KckError('INTERNAL', 'No answer')),
  )
}

import { freshness } from '../entry/freshness.ts'
import { asKckError, KckError } from '../errors.ts'
import { Fetcher } from '../fetch/fetch.ts'
import { NearCache } from '../fetch/near-cache.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { Changes } from '../refresh/change.ts'
import { type ComputeDeps, computeProduct } from '../refresh/compute.ts'
import { tryCutoff } from '../refresh/cutoff.ts'
import { keyOfProduct } from '../refresh/recorder.ts'
import { type RefreshDeps, Refresher } from '../refresh/refresh.ts'
import { RefreshRequests } from '../refresh/requests.ts'
import type { ComputeRun } from '../refresh/run.ts'
import { KnownNodes } from '../refresh/tables.ts'
import { UnstoredComputes } from '../refresh/unstored.ts'
import { statementOf } from '../sql/parse.ts'
import { announce } from '../update/announce.ts'
import { ByHand } from '../update/by-hand.ts'
import { runUpdate } from '../update/update.ts'
import type { FetchRequest, Health, Kck } from './kck.ts'
import { DEFAULT_OPTIONS, type KckOptions } from './options.ts'

export interface KckDeps {
  readonly registry: Registry
  readonly store: Store
  /** By the name that primers use. */
  readonly sources: ReadonlyMap<string, Source>
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly entropy: Entropy
  readonly options?: Partial<KckOptions>
}

/** Wires the flows over the ports. Knows no technology: `local/runtime.ts` and `functions/runtime.ts` choose those. */
export function createKck(deps: KckDeps): Kck {
  const { registry, store, sources, queue, clock, entropy } = deps
  const options: KckOptions = { ...DEFAULT_OPTIONS, ...deps.options }
  const near = new NearCache(options.nearCacheBytes, options.nearCacheMaxAgeMs)
  const requests = new RefreshRequests({ entries: store.entries, queue, clock, entropy })

  // Another process may publish too, so the near cache is told to look again rather than what to hold.
  const outdated = (key: string) => {
    near.drop(key)
    requests.forget(key)
  }
  const dirtied = (keys: readonly string[]) => {
    for (const key of keys) {
      near.delete(key)
      requests.forget(key)
    }
  }
  const changes = new Changes({ store, queue, clock, registry, dirtied }, (product) =>
    requests.request(product, { cause: 'change', lane: 'normal' }),
  )
  const fetchMany: ComputeDeps['fetchMany'] = (products, request, parent) =>
    fetcher.fetchMany(products, request, parent)
  const reading = {
    registry,
    sources,
    parseStatement: statementOf,
    known: new KnownNodes(store.lineage),
    fetchMany,
  }
  const compute = (product: ProductKey, run: ComputeRun) => computeProduct(reading, product, run)
  const cutOff: RefreshDeps['cutOff'] = (product, row, signal) =>
    tryCutoff({ registry, fetchMany }, product, row, { signal, now: clock.now() })
  const renewInputs: RefreshDeps['renewInputs'] = async (product, nodes, signal) => {
    const inputs = nodes.map((node) => registry.parseKey(keyOfProduct(node)))
    await fetchMany(inputs, { noCache: true, signal, deadline: Number.POSITIVE_INFINITY }, product.text)
  }
  const refresher = new Refresher({ store, clock, entropy, options, compute, cutOff, renewInputs, changes, outdated })
  const unstored = new UnstoredComputes({ clock, entropy, compute })
  const fetcher = new Fetcher({
    entries: store.entries,
    clock,
    options,
    near,
    refresher,
    requestRefresh: (product, { cause, entry }) =>
      requests.request(product, {
        cause,
        entry,
        lane: cause === 'stale-read' ? 'normal' : 'hot',
        anyway: cause === 'deadline',
      }),
    computeUnstored: (product, signal) => unstored.compute(product, signal),
  })
  const byHand = new ByHand({ store, clock, entropy, options, changes, outdated: (key) => dirtied([key]) })

  return {
    registry,
    fetch: async (key, request = {}) => fetcher.fetch(registry.parseKey(key), request),
    fetchMany: async (keys, request = {}) => fetchEach(registry, fetcher, keys, request),
    peek: (key) => fetcher.peek(key, registry.primers.get(key.split('/', 1)[0] ?? '')?.revision),
    get: async (key, request = {}) => (await fetcher.fetch(registry.parseKey(key), request)).body.value(),
    set: async (key, value, request = {}) => byHand.set(registry.parseKey(key), value, request),
    invalidate: async (key, request = {}) => byHand.invalidate(registry.parseKey(key), request),
    purge: async (key, request = {}) => byHand.purge(registry.parseKey(key), request),
    refresh: async (key, request = {}) =>
      fetcher.fetch(registry.parseKey(key), { ...request, noCache: true, retry: true }),
    invalidateTags: (tags, request = {}) => byHand.invalidateTags(tags, request),
    update: (key, body, request = {}) =>
      runUpdate({ registry, sources, store, clock, entropy, options, changes }, key, body, request),
    changed: (change, request = {}) => announce({ registry, store, clock, entropy, changes }, change, request),
    work: {
      resume: (intent, signal) => changes.resume(intent, signal),
      refresh: async (request, signal) => {
        const product = registry.parseKey(request.key)
        const startedAt = clock.now()
        await refresher.refresh(product, {
          cause: request.cause,
          signal,
          until: (entry) => {
            const state = freshness(entry, product.primer.revision, clock.now())
            return state.state === 'fresh' || (state.state === 'stale' && state.value.asOf > startedAt)
          },
        })
      },
    },
    health: (call = {}) => health(deps, call.signal),
    close: async () => {
      await queue.close()
      await Promise.all([...sources.values()].map((source) => source.close()))
      await store.close()
    },
  }
}

// A key that cannot be understood fails alone, like one that cannot be computed.
async function fetchEach(registry: Registry, fetcher: Fetcher, keys: readonly string[], request: FetchRequest) {
  const parsed = keys.map((key) => {
    try {
      return registry.parseKey(key)
    } catch (error) {
      return asKckError(error)
    }
  })
  const products = parsed.filter((product): product is ProductKey => !(product instanceof KckError))
  const answers = [...(await fetcher.fetchMany(products, request))]
  return parsed.map((product) =>
    product instanceof KckError ? product : (answers.shift() ?? new KckError('INTERNAL', 'No answer')),
  )
}

async function health({ store, sources, clock }: KckDeps, signal?: AbortSignal): Promise<Health> {
  const call = signal ? { signal } : {}
  const pings: [string, () => Promise<void>][] = [
    ['store', () => store.entries.ping(call)],
    ...[...sources].map(([name, source]): [string, () => Promise<void>] => [`source ${name}`, () => source.ping(call)]),
  ]
  const parts = await Promise.all(
    pings.map(async ([name, ping]) => {
      const startedAt = clock.now()
      try {
        await ping()
        return [name, { ok: true, ms: clock.now() - startedAt }] as const
      } catch (error) {
        return [name, { ok: false, ms: clock.now() - startedAt, code: asKckError(error).code }] as const
      }
    }),
  )
  return { ok: parts.every(([, part]) => part.ok), parts: Object.fromEntries(parts) }
}

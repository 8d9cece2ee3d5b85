import type { StoredEntry } from '../entry/entry.ts'
import type { KckError } from '../errors.ts'
import { settle } from '../errors.ts'
import { Fetcher } from '../fetch/fetch.ts'
import { HeldCopies } from '../fetch/held-copies.ts'
import { NearCache } from '../fetch/near-cache.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { AugmentTrust } from '../refresh/augment-trust.ts'
import { Changes } from '../refresh/change.ts'
import { type ComputeDeps, computeProduct } from '../refresh/compute.ts'
import { compareInputs } from '../refresh/cutoff.ts'
import { Debounce } from '../refresh/debounce.ts'
import { isBehind, keyOfProduct, productNode } from '../refresh/recorder.ts'
import { type RefreshDeps, Refresher } from '../refresh/refresh.ts'
import { RefreshRequests } from '../refresh/requests.ts'
import type { Behind, ComputeRun } from '../refresh/run.ts'
import { KnownNodes } from '../refresh/tables.ts'
import { UnstoredComputes } from '../refresh/unstored.ts'
import type { Replication } from '../replicate/replicate-products.ts'
import { statementOf } from '../sql/parse.ts'
import { inSpan } from '../trace/trace.ts'
import { ByHand } from '../update/by-hand.ts'
import type { KckOptions } from './options.ts'

/** What the flows stand on. */
export interface KckParts {
  readonly registry: Registry
  readonly store: Store
  /** By the name that primers use. */
  readonly sources: ReadonlyMap<string, Source>
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly entropy: Entropy
  /** Of the replicated products; `store` is then the one that publishes them. Default: nothing is replicated. */
  readonly replication?: Pick<Replication, 'reader' | 'publisher'> | null
}

export interface Flows {
  readonly fetcher: Fetcher
  readonly refresher: Refresher
  readonly changes: Changes
  readonly byHand: ByHand
  readonly requests: RefreshRequests
  readonly debounce: Debounce
}

/** Wires the flows over the ports. */
export function createFlows(parts: KckParts, options: KckOptions): Flows {
  const { registry, store, queue, clock, entropy } = parts
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
  const debounce = new Debounce({ queue, clock, registry })
  const changes = new Changes({ store, clock, registry, debounce, dirtied })
  const fetchMany: ComputeDeps['fetchMany'] = (products, request, parent) =>
    fetcher.fetchMany(products, request, parent)
  const computing = computeWith(parts, fetchMany)
  const augmentTrust = new AugmentTrust({ registers: store.registers, clock, entropy })
  const renewInputs: RefreshDeps['renewInputs'] = (...behind) => renew({ registry, refresher }, ...behind)
  const making = { ...computing, renewInputs, augmentTrust }
  const refresher = new Refresher({ store, clock, entropy, options, ...making, changes, outdated })
  const unstored = new UnstoredComputes({ clock, entropy, compute: computing.compute })
  const fetcher = new Fetcher({
    entries: store.entries,
    clock,
    options,
    near,
    held: new HeldCopies({
      near,
      replica: parts.replication?.reader ?? null,
      replicaMaxAgeMs: options.replicaMaxAgeMs,
    }),
    refresher,
    requestRefresh: (product, { cause, entry }) =>
      requests.request(product, { cause, entry, anyway: cause === 'deadline' }),
    noteRead: (product, entry) => requests.noteRead(product, entry),
    hindrance: ({ primer }) => hindranceOf(parts.sources, primer.source),
    computeUnstored: (product, signal) => unstored.compute(product, signal),
  })
  const byHand = new ByHand({ store, clock, entropy, options, changes, outdated: (key) => dirtied([key]) })

  return { fetcher, refresher, changes, byHand, requests, debounce }
}

/** Of the source with this name; a primer without one may use any. */
function hindranceOf(sources: KckParts['sources'], name: string | null): KckError | null {
  for (const source of sources.values()) {
    const hindrance = name === null || name === source.name ? source.hindrance?.() : null
    if (hindrance) return hindrance
  }
  return null
}

/** How values are made, given how upstream products are read. */
function computeWith(
  { registry, sources, store, clock }: KckParts,
  fetchMany: ComputeDeps['fetchMany'],
): Pick<RefreshDeps, 'compute' | 'compareInputs'> {
  const known = new KnownNodes(store.lineage)
  const reading = { registry, sources, parseStatement: statementOf, known, fetchMany }
  return {
    compute: (product: ProductKey, run: ComputeRun) =>
      inSpan('kck compute', { attributes: { 'kck.key': product.text } }, () => computeProduct(reading, product, run)),
    compareInputs: (product, row, signal) =>
      compareInputs({ registry, fetchMany }, product, row, { signal, now: clock.now() }),
  }
}

/** Versions say what an input rests on, times do not: clocks differ. One that fails now is read as it is. */
async function renew(
  { registry, refresher }: { readonly registry: Registry; readonly refresher: Refresher },
  product: ProductKey,
  { nodes, newest }: Behind,
  signal: AbortSignal,
): Promise<void> {
  const isEnough = ({ key, row }: StoredEntry) => {
    const value = row?.value
    if (!value) return false
    const self = { node: productNode(key), version: value.version, contentHash: value.contentHash, edge: '' }
    return !isBehind([...value.ancestors, self], newest)
  }
  const request = { cause: 'miss', until: isEnough, signal, parent: product.text, recompute: true, newest }
  await Promise.all(nodes.map((node) => settle(refresher.refresh(registry.parseKey(keyOfProduct(node)), request))))
}

import { concurrently, eachConcurrently } from '../async/concurrently.ts'
import { hash } from '../entry/body.ts'
import type { Mark } from '../entry/entry.ts'
import { emit } from '../events.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { Registry } from '../primer/registry.ts'
import type { Debounce } from './debounce.ts'
import { isProduct, keyOfDependent, keyOfProduct, productNode, READERS } from './recorder.ts'

/** A change, on its way to everything that rests on what changed. */
export interface Propagation {
  /** Unique per change; the same when it is resumed, so that its marks count once. */
  readonly id: string
  readonly cause: string
  /** Milliseconds; when the change happened. */
  readonly at: number
  /** What changed. */
  readonly nodes: readonly string[]
  /** Milliseconds; the write that it announces may be under way until then, and nobody else should carry it through. */
  readonly until?: number
}

export interface PropagateDeps {
  readonly store: Store
  readonly clock: Clock
  readonly registry: Registry
  readonly debounce: Debounce
  /** The keys just marked are dirty: what this process holds of them is outdated. */
  readonly dirtied: (keys: readonly string[]) => void
}

const PAGE = 500
const NODES_AT_ONCE = 16
/** Pages that are on their way at once where few nodes have many: the next is read while the last is being marked. */
const PAGES_AT_ONCE = 4
/** Keys that an answer lists. */
const SHOWN = 100
/** A mark outlives what it marks by this much. */
const GRACE_MS = 3_600_000

/** Edges of values that are gone may close a circle; no way through real products is this long. */
const LONGEST_WAY = 64

/**
 * Marks everything below the changed nodes dirty, breadth first, a page at a time, and asks for the refreshes. A node
 * is marked before what reads it, so whoever refreshes early finds its inputs dirty and makes them fresh first. What is
 * reached by a short way and a long one may be fresh again before the change has come the long way, and may then change
 * again: it is marked, asked for and looked below once for each length. May be stopped anywhere and run again. Returns
 * how many keys were marked.
 */
export async function propagate(
  deps: PropagateDeps,
  change: Propagation,
  signal?: AbortSignal,
): Promise<{ readonly marked: number; readonly keys: readonly string[] }> {
  const seen = new Set<string>()
  let nodes = change.nodes
  for (let step = 0; nodes.length > 0 && step < LONGEST_WAY; step++) {
    const found = await markBelow(deps, { ...change, nodes }, step, signal)
    for (const key of found) seen.add(key)
    nodes = await nodesRead(deps, found, signal)
  }
  return { marked: seen.size, keys: [...seen].slice(0, SHOWN) }
}

/** One step: what reads these nodes. */
async function markBelow(
  deps: PropagateDeps,
  change: Propagation,
  step: number,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const found = new Set<string>()
  const again = new Set<string>()
  const pagesAtOnce = Math.max(1, Math.floor(PAGES_AT_ONCE / change.nodes.length))
  await concurrently(change.nodes, NODES_AT_ONCE, (node) =>
    eachConcurrently(below(deps, node, signal), pagesAtOnce, async ({ keys, upstream }) => {
      // A key is marked once per node that leads to it: it may have been refreshed after the first of them.
      await markKeys(deps, keys, markOf(change, { node, step, upstream }), signal)
      const first = keys.filter((key) => !found.has(key))
      for (const key of keys) (found.has(key) ? again : found).add(key)
      await requestRefreshes(deps, first, change, signal)
    }),
  )
  await requestRefreshes(deps, [...again], change, signal)
  return [...found]
}

function markOf(
  change: Propagation,
  { node, step, upstream }: { readonly node: string; readonly step: number; readonly upstream: boolean },
): Mark {
  const id = `${change.id}:${step}${hash(node).slice(0, 8)}${upstream ? '' : 'd'}`
  return { id, at: change.at, cause: change.cause, upstream }
}

/** Of these keys the products that somebody may read. Asked after they are marked: who starts to read one now sees it. */
async function nodesRead(
  { store, registry }: PropagateDeps,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (keys.length === 0) return []
  const read = new Set<string>()
  for await (const names of pages(store, READERS, signal)) for (const name of names) read.add(name)
  return keys.filter((key) => read.has(primerOf(key)) || registry.declaresReaders(primerOf(key))).map(productNode)
}

function primerOf(key: string): string {
  return key.split('/', 1)[0] ?? ''
}

/** What reads a node, as it was captured; and what a primer's `afterPrimes` says of it, which no upstream explains. */
async function* below(
  { store, registry }: PropagateDeps,
  node: string,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly keys: readonly string[]; readonly upstream: boolean }> {
  for await (const dependents of pages(store, node, signal)) {
    yield { keys: [...new Set(dependents.map(keyOfDependent))], upstream: isProduct(node) }
  }
  const declared = isProduct(node) ? registry.primedBy(keyOfProduct(node)) : []
  if (declared.length > 0) yield { keys: declared.map((product) => product.text), upstream: false }
}

async function* pages(store: Store, node: string, signal?: AbortSignal): AsyncGenerator<readonly string[]> {
  const call = signal ? { signal } : {}
  for (let after: string | undefined; ; ) {
    const page = await store.lineage.dependents(node, { limit: PAGE, ...(after === undefined ? {} : { after }) }, call)
    if (page.keys.length > 0) yield page.keys
    if (page.next === undefined) return
    after = page.next
  }
}

async function markKeys(
  { store, clock, registry, dirtied }: PropagateDeps,
  keys: readonly string[],
  mark: Mark,
  signal?: AbortSignal,
): Promise<void> {
  const call = signal ? { signal } : {}
  const groups = Map.groupBy(keys, (key) => {
    const hardTtlMs = registry.primers.get(primerOf(key))?.hardTtlMs ?? null
    return hardTtlMs === null ? null : clock.now() + hardTtlMs + GRACE_MS
  })
  for (const [removeAt, group] of groups) await store.entries.mark(group, mark, removeAt, call)
  dirtied(keys)
  for (const key of keys) emit({ type: 'dirty', key, cause: mark.cause })
}

// First what the sweep looks through, then the messages: a message that is lost is found again.
export async function requestRefreshes(
  { store, debounce, clock }: PropagateDeps,
  keys: readonly string[],
  change: Propagation,
  signal?: AbortSignal,
): Promise<void> {
  if (keys.length === 0) return
  const call = signal ? { signal } : {}
  const now = clock.now()
  await store.workIndex.put(
    keys.map((key) => ({ kind: 'refresh', id: key, at: now, payload: '' })),
    call,
  )
  await debounce.send(keys, (key) => ({ key, cause: 'change', at: change.at }), signal)
  for (const key of keys) emit({ type: 'queue', action: 'sent', key, lane: 'normal', cause: 'change' })
}

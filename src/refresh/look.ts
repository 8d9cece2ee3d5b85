import type { StoredEntry } from '../entry/entry.ts'
import { freshness } from '../entry/freshness.ts'
import type { Clock } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { RefreshRequest } from '../ports/refresh-queue.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { candidateOf } from './candidate.ts'
import type { Candidate } from './choose.ts'

/** An entry as the store had it at a time. */
export interface Seen {
  readonly entry: StoredEntry
  /** Milliseconds; when the store was asked. */
  readonly at: number
}

/** What the entry of a refresh request says. */
export interface Look {
  /** Null: nothing is to be done, as it seems. */
  readonly candidate: Candidate | null
  /** Null: there is no such product. */
  readonly seen: Seen | null
}

export interface LookDeps {
  readonly registry: Registry
  readonly entries: EntryStore
  readonly clock: Clock
}

/**
 * How long a refresh may rest on what a look found, in milliseconds. Its claim is conditional, so nothing is wrong with
 * an older one; but changes that came since would be folded by another refresh.
 */
const SEEN_MS = 1_000

/** What the entries of many requests say, with one read for all. It sees whatever was changed before one of them was sent. */
export async function lookAt(
  { registry, entries, clock }: LookDeps,
  requests: readonly RefreshRequest[],
  signal?: AbortSignal,
): Promise<readonly Look[]> {
  const products = requests.map(({ key }) => parse(registry, key))
  const keys = [...new Set(products.flatMap((product) => (product ? [product.text] : [])))]
  const at = clock.now()
  const read =
    keys.length === 0 ? [] : await entries.getMany(keys, { consistency: 'latest', ...(signal && { signal }) })
  const found = new Map(read.map((entry) => [entry.key, entry]))
  return requests.map((request, index) => {
    const product = products[index]
    const entry = product && found.get(product.text)
    if (!(product && entry)) return { candidate: null, seen: null }
    const isFresh = freshness(entry, product.primer.revision, at).state === 'fresh'
    const isDone = isFresh && request.cause !== 'schedule'
    return { candidate: isDone ? null : candidateOf(product, entry, request, at), seen: { entry, at } }
  })
}

/** The entry of a request that was received before: as it was seen, when that was just now, else read. */
export async function seenOrRead(
  { entries, clock }: Pick<LookDeps, 'entries' | 'clock'>,
  key: string,
  seen: Seen | null,
  signal: AbortSignal,
): Promise<Seen> {
  const at = clock.now()
  if (seen && seen.entry.key === key && at - seen.at <= SEEN_MS) return seen
  return { entry: await entries.get(key, { consistency: 'latest', signal }), at }
}

function parse(registry: Registry, key: string): ProductKey | null {
  try {
    return registry.parseKey(key)
  } catch {
    return null
  }
}

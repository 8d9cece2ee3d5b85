import type { EntryRow, StoredEntry } from '../entry/entry.ts'
import { freshness } from '../entry/freshness.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { RefreshRequest } from '../ports/refresh-queue.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { Candidate } from './choose.ts'

/** What an entry says of a refresh that is asked for. */
export function candidateOf(
  { primer }: ProductKey,
  entry: StoredEntry,
  { cause, at }: Pick<RefreshRequest, 'cause' | 'at'>,
  now: number,
): Candidate {
  const state = freshness(entry, primer.revision, now)
  return {
    cause,
    askedAt: at,
    staleSince: state.state === 'stale' ? state.since : null,
    demand: entry.row?.requested?.demand ?? 0,
    softTtlMs: primer.softTtlMs,
    costMs: entry.row?.value?.costMs ?? null,
    idle: isIdle(primer, entry.row, now),
  }
}

/** Nobody has read it for the time that its primer names. As long as nobody knows of a read, its time has not begun. */
export function isIdle(primer: AnyPrimer, row: EntryRow | null, now: number): boolean {
  return primer.idleAfterMs !== null && row?.readAt !== undefined && now - row.readAt >= primer.idleAfterMs
}

/** The candidates of many requests; null where there is nothing to do, as far as this read shows. */
export async function lookAt(
  { registry, entries }: { readonly registry: Registry; readonly entries: EntryStore },
  requests: readonly RefreshRequest[],
  now: number,
  signal?: AbortSignal,
): Promise<readonly (Candidate | null)[]> {
  const products = requests.map(({ key }) => parse(registry, key))
  const keys = [...new Set(products.flatMap((product) => (product ? [product.text] : [])))]
  const read = keys.length === 0 ? [] : await entries.getMany(keys, signal ? { signal } : {})
  const found = new Map(read.map((entry) => [entry.key, entry]))
  return requests.map((request, index) => {
    const product = products[index]
    const entry = product && found.get(product.text)
    if (!(product && entry)) return null
    const isFresh = freshness(entry, product.primer.revision, now).state === 'fresh'
    return isFresh && request.cause !== 'schedule' ? null : candidateOf(product, entry, request, now)
  })
}

function parse(registry: Registry, key: string): ProductKey | null {
  try {
    return registry.parseKey(key)
  } catch {
    return null
  }
}

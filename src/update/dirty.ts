import type { EntryRow, Mark } from '../entry/entry.ts'
import { emit } from '../events.ts'
import type { Clock } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { ProductKey } from '../primer/registry.ts'

/** A mark outlives what it marks by this much. */
const GRACE_MS = 3_600_000

export interface MarkOptions {
  readonly signal?: AbortSignal | undefined
  /** Also keys that nobody has asked for; for an hour. @default false */
  readonly absent?: boolean
}

/**
 * Marks products dirty. A key that was never asked for has nothing to mark: whoever computes it first does so after
 * this and sees the change. Returns the products that were there and are marked.
 */
export async function markDirty(
  deps: { readonly entries: EntryStore; readonly clock: Clock },
  products: readonly ProductKey[],
  mark: Mark,
  { signal, absent = false }: MarkOptions = {},
): Promise<readonly ProductKey[]> {
  const call = signal ? { signal } : {}
  const unique = [...new Map(products.map((product) => [product.text, product])).values()]
  if (unique.length === 0) return []
  const stored = await deps.entries.getMany(
    unique.map((product) => product.text),
    { ...call, consistency: 'latest' },
  )
  const now = deps.clock.now()
  const groups = new Map<number | null, ProductKey[]>()
  unique.forEach((product, index) => {
    const row = stored[index]?.row
    if (!(row || absent)) return
    const removeAt = row ? outlives(product, row, now) : now + GRACE_MS
    groups.set(removeAt, [...(groups.get(removeAt) ?? []), product])
  })
  for (const [removeAt, group] of groups) {
    await deps.entries.mark(
      group.map((product) => product.text),
      mark,
      removeAt,
      call,
    )
  }
  const known = unique.filter((_, index) => stored[index]?.row)
  for (const product of known) emit({ type: 'dirty', key: product.text, cause: mark.cause })
  return known
}

// A mark must not vanish before the value it speaks of, or one that a compute under way may still publish.
function outlives(product: ProductKey, row: EntryRow, now: number): number | null {
  const { hardTtlMs } = product.primer
  const servedUntil = row.value ? row.value.hardExpiresAt : 0
  if (hardTtlMs === null || servedUntil === null) return null
  return Math.max(now + hardTtlMs, servedUntil) + GRACE_MS
}

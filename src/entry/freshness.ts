import type { EntryRow, Mark, Materialization, StoredEntry } from './entry.ts'

/**
 * What may be done with an entry at a moment. Derived, never stored.
 *
 * `fresh`: equal to its sources as far as anybody knows. `stale`: a good value that should be made anew. `missing`:
 * nothing may be served (never computed, purged, or past its hard expiry).
 */
export type Freshness =
  | { readonly state: 'fresh'; readonly value: Materialization }
  | {
      readonly state: 'stale'
      readonly value: Materialization
      /** Milliseconds since 1970. */
      readonly since: number
      readonly cause: string
    }
  | { readonly state: 'missing' }

/** How far `asOf` may lie in the future before a clock must have been wrong. */
const CLOCK_TOLERANCE_MS = 60_000

/** Marks that the row has not folded into its epoch yet. */
export function pendingMarks(entry: StoredEntry): readonly Mark[] {
  const absorbed = entry.row?.absorbed
  if (entry.marks.length === 0 || absorbed === undefined || absorbed.length === 0) return entry.marks
  return entry.marks.filter((mark) => !absorbed.includes(mark.id))
}

/**
 * The epoch that a compute which begins now starts from: a value built at it, or later, has seen every change known to
 * this read. Epochs say so, times do not: clocks differ. That it has seen them does not mean that all their marks are
 * folded: who began it may have read fewer of them beside the same row, and one epoch stands for all that are read.
 */
export function nextEpoch(entry: StoredEntry): number {
  return (entry.row?.epoch ?? 0) + (pendingMarks(entry).length > 0 ? 1 : 0)
}

/** Whether the value has seen every change known to this read. */
export function hasSeenAll(entry: StoredEntry): boolean {
  const value = entry.row?.value
  return value !== null && value !== undefined && value.builtEpoch >= nextEpoch(entry)
}

/** `revision`: that of the primer's definition now. */
export function freshness(entry: StoredEntry, revision: string, now: number): Freshness {
  const row = entry.row
  const value = row?.value
  if (!(row && value)) return { state: 'missing' }
  if (value.hardExpiresAt !== null && now >= value.hardExpiresAt) return { state: 'missing' }
  const stale = staleness(row, pendingMarks(entry), revision, now)
  return stale ? { state: 'stale', value, ...stale } : { state: 'fresh', value }
}

// The cause that lies furthest back decides `since`; a change says more than an age, so it names the cause.
function staleness(
  row: EntryRow,
  marks: readonly Mark[],
  revision: string,
  now: number,
): { since: number; cause: string } | null {
  const value = row.value
  if (!value) return null
  const softSince = value.softExpiresAt !== null && now >= value.softExpiresAt ? value.softExpiresAt : null
  const dirty = firstDirty(row, value, marks)
  if (dirty) return { ...dirty, since: Math.min(dirty.since, softSince ?? dirty.since) }
  if (value.primerRevision !== revision) return { since: value.modified, cause: 'the primer changed' }
  if (softSince !== null) return { since: softSince, cause: 'soft TTL' }
  if (value.asOf > now + CLOCK_TOLERANCE_MS) return { since: now, cause: 'computed by a clock ahead of this one' }
  return null
}

function firstDirty(
  row: EntryRow,
  value: Materialization,
  marks: readonly Mark[],
): { since: number; cause: string } | null {
  if (value.builtEpoch !== row.epoch)
    return { since: row.dirtyAt ?? value.modified, cause: row.dirtyCause ?? 'a change' }
  const first = marks[0]
  if (!first) return null
  return marks.reduce((oldest, mark) => (mark.at < oldest.since ? { since: mark.at, cause: mark.cause } : oldest), {
    since: first.at,
    cause: first.cause,
  })
}

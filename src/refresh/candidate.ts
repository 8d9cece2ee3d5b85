import type { EntryRow, StoredEntry } from '../entry/entry.ts'
import { freshness } from '../entry/freshness.ts'
import type { RefreshRequest } from '../ports/refresh-queue.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey } from '../primer/registry.ts'
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

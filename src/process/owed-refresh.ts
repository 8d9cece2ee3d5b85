import type { Failure, StoredEntry } from '../entry/entry.ts'
import { freshness, pendingMarks } from '../entry/freshness.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import { isIdle } from '../refresh/candidate.ts'

/** A retry that is this late has no message any more. */
const RETRY_GRACE_MS = 30_000

/**
 * What an entry says about a refresh that was asked for a while ago. `done`: nothing is owed any more. `waiting`:
 * somebody computes it, or it will be tried again by itself; it is to be looked at again. `lost`: ask again.
 */
export function judgeRefresh(entry: StoredEntry, registry: Registry, now: number): 'done' | 'waiting' | 'lost' {
  const { row } = entry
  const primer = primerOf(entry.key, registry)
  if (!row || primer === null) return 'done'
  const { revision } = primer
  const { state } = freshness(entry, revision, now)
  if (state === 'fresh') return 'done'
  // Its process may still die, and its value may be stale when it comes: it may have begun before the change.
  if (row.lease && now < row.lease.until) return 'waiting'
  if (state === 'missing') return 'done'
  // Its next reader asks for it.
  if (isIdle(primer, row, now)) return 'done'
  if (row.failure && resting(row.failure, entry, revision, now))
    return row.failure.retryAt === null ? 'done' : 'waiting'
  return 'lost'
}

/** It failed, nothing has changed since, and it is parked or will be tried again by itself. */
export function resting(failure: Failure, entry: StoredEntry, revision: string, now: number): boolean {
  const changed =
    failure.primerRevision !== revision || failure.epoch !== entry.row?.epoch || pendingMarks(entry).length > 0
  return !changed && (failure.retryAt === null || now < failure.retryAt + RETRY_GRACE_MS)
}

/** Null: nobody can ask for this key any more. */
function primerOf(key: string, registry: Registry): AnyPrimer | null {
  try {
    return registry.parseKey(key).primer
  } catch {
    return null
  }
}

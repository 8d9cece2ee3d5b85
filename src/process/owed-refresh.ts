import type { EntryRow, StoredEntry } from '../entry/entry.ts'
import { freshness, pendingMarks } from '../entry/freshness.ts'
import type { Registry } from '../primer/registry.ts'

/** A retry that is this late has no message any more. */
const RETRY_GRACE_MS = 30_000

/**
 * What an entry says about a refresh that was asked for a while ago. `done`: nothing is owed any more. `waiting`:
 * somebody computes it, or it will be tried again by itself; it is to be looked at again. `lost`: ask again.
 */
export function judgeRefresh(entry: StoredEntry, registry: Registry, now: number): 'done' | 'waiting' | 'lost' {
  const { row } = entry
  const revision = revisionOf(entry.key, registry)
  if (!row || revision === null) return 'done'
  const { state } = freshness(entry, revision, now)
  if (state === 'fresh') return 'done'
  // Its process may still die, and its value may be stale when it comes: it may have begun before the change.
  if (row.lease && now < row.lease.until) return 'waiting'
  if (state === 'missing') return 'done'
  if (row.failure && !changedSince(row.failure, row, entry, revision)) {
    if (row.failure.retryAt === null) return 'done'
    if (now < row.failure.retryAt + RETRY_GRACE_MS) return 'waiting'
  }
  return 'lost'
}

/** Something is different from when it failed, so it may be tried before its time. */
function changedSince(failure: NonNullable<EntryRow['failure']>, row: EntryRow, entry: StoredEntry, revision: string) {
  return failure.primerRevision !== revision || failure.epoch !== row.epoch || pendingMarks(entry).length > 0
}

/** Null: nobody can ask for this key any more. */
function revisionOf(key: string, registry: Registry): string | null {
  try {
    return registry.parseKey(key).primer.revision
  } catch {
    return null
  }
}

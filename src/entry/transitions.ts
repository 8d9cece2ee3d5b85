import type { EntryRow, Failure, Lease, Materialization, RetiredBody, StoredEntry } from './entry.ts'
import { pendingMarks } from './freshness.ts'

/**
 * Every change of a row, as pure functions `(entry, ..., now) -> next row | refusal`. `mutate` gives the next row its
 * `rev` and operation id and writes it with a compare-and-set. Most fold the marks that lie beside the row into `epoch`
 * and remember them in `absorbed`; a mark that is not remembered there stays and counts.
 */
export type Transition = { readonly next: EntryRow } | { readonly refused: Refusal }

export type Refusal =
  /** Somebody else computes, until then. */
  | { readonly reason: 'busy'; readonly lease: Lease }
  /** The last computes failed; not before then (null: parked until somebody retries). */
  | { readonly reason: 'backing-off'; readonly failure: Failure }
  /** The lease is not ours (any more). */
  | { readonly reason: 'lost' }
  | { readonly reason: 'version'; readonly version: number }
  /** There is nothing to change. */
  | { readonly reason: 'nothing' }

/** How long after its hard expiry a row is kept: longer than any read takes, any clocks differ. */
const GRACE_MS = 3_600_000
/** How long a row without a value is kept: a failure to look at, versions that go on growing. */
const EMPTY_ROW_MS = 7 * 86_400_000

export function emptyRow(key: string): EntryRow {
  return {
    key,
    rev: 0,
    ops: [],
    epoch: 0,
    absorbed: [],
    dirtyAt: null,
    dirtyCause: null,
    dirtyDirect: false,
    requested: null,
    value: null,
    superseded: null,
    lease: null,
    failure: null,
    lastVersion: 0,
    retired: [],
    removeAt: null,
  }
}

/** The row with the marks beside it folded into its epoch. */
function fold(entry: StoredEntry): EntryRow {
  const row = entry.row ?? emptyRow(entry.key)
  const marks = pendingMarks(entry)
  const absorbed = entry.marks.map((mark) => mark.id)
  const first = marks[0]
  if (!first) return { ...row, absorbed }
  const oldest = Math.min(...marks.map((mark) => mark.at))
  return {
    ...row,
    absorbed,
    epoch: row.epoch + 1,
    dirtyAt: row.dirtyAt === null ? oldest : Math.min(row.dirtyAt, oldest),
    dirtyCause: row.dirtyCause ?? first.cause,
    dirtyDirect: row.dirtyDirect || marks.some((mark) => !mark.upstream),
  }
}

const CLEAN = { dirtyAt: null, dirtyCause: null, dirtyDirect: false } as const

/** Takes the lease: from here on the row remembers which epoch the compute started from. */
export function claim(
  entry: StoredEntry,
  lease: { readonly token: string; readonly until: number },
  now: number,
  options: { readonly retry?: boolean; readonly primerRevision: string },
): Transition {
  const row = fold(entry)
  if (row.lease && row.lease.token !== lease.token && now < row.lease.until) {
    return { refused: { reason: 'busy', lease: row.lease } }
  }
  const failure = row.failure
  if (failure && !options.retry && backsOff(row, failure, options.primerRevision, now)) {
    return { refused: { reason: 'backing-off', failure } }
  }
  return {
    next: withRemoveAt(
      {
        ...row,
        // Without a value, what changed before this compute begins concerns nobody.
        ...(row.value === null ? CLEAN : {}),
        requested: null,
        lease: { token: lease.token, until: lease.until, epoch: row.epoch, since: now },
        // A lease that ran out belonged to a process that died or stalled: what it may have written is nobody's now.
        retired: row.lease
          ? retire(row.retired, { id: row.lease.token, chunks: UNKNOWN_CHUNKS, at: now })
          : row.retired,
      },
      now,
    ),
  }
}

/** A change since the failure is a reason to try again, but not more often than this. */
const RETRY_AFTER_CHANGE_MS = 1_000

function backsOff(row: EntryRow, failure: Failure, primerRevision: string, now: number): boolean {
  if (failure.primerRevision !== primerRevision) return false
  if (row.epoch !== failure.epoch && now - failure.at >= RETRY_AFTER_CHANGE_MS) return false
  return failure.retryAt === null || now < failure.retryAt
}

/** The chunks of a compute that never committed: how many is not known. */
export const UNKNOWN_CHUNKS = -1

export function renew(
  entry: StoredEntry,
  lease: { readonly token: string; readonly until: number },
  now: number,
): Transition {
  const row = fold(entry)
  if (row.lease?.token !== lease.token) return { refused: { reason: 'lost' } }
  return { next: withRemoveAt({ ...row, lease: { ...row.lease, until: Math.max(row.lease.until, lease.until) } }, now) }
}

/** A value to be published; `superseded`: the one before, when another definition of the primer made it. */
export type Published = Omit<Materialization, 'builtEpoch'> & { readonly superseded?: Materialization | null }

/**
 * Publishes a computed value, if the lease is still held. When the epoch moved meanwhile the value is published as
 * already stale, so that readers get the newer of two old values and the refresh runs again.
 */
export function commit(entry: StoredEntry, token: string, value: Published, now: number): Transition {
  const row = fold(entry)
  if (row.lease?.token !== token) return { refused: { reason: 'lost' } }
  const { superseded, ...made } = value
  return { next: publish(supersede(row, superseded, now), { ...made, builtEpoch: row.lease.epoch }, now) }
}

/** Gives the lease back after a failed compute; the last good value stays. */
export function fail(entry: StoredEntry, token: string, failure: Failure, now: number): Transition {
  const row = fold(entry)
  if (row.lease?.token !== token) return { refused: { reason: 'lost' } }
  return { next: withRemoveAt({ ...row, lease: null, failure }, now) }
}

/** Gives up on a product that fails: it is not tried again by itself until its sources or its primer change. */
export function park(entry: StoredEntry, now: number): Transition {
  const row = fold(entry)
  if (!row.failure || (row.failure.retryAt === null && row.requested === null))
    return { refused: { reason: 'nothing' } }
  return { next: withRemoveAt({ ...row, requested: null, failure: { ...row.failure, retryAt: null } }, now) }
}

/** Gives the lease back without a verdict: nobody waits any more, or the source had no room. */
export function release(entry: StoredEntry, token: string, now: number): Transition {
  const row = fold(entry)
  if (row.lease?.token !== token) return { refused: { reason: 'lost' } }
  return { next: withRemoveAt({ ...row, lease: null }, now) }
}

/** Publishes a value that nobody computed. A compute that is under way loses its lease. */
export function set(
  entry: StoredEntry,
  value: Omit<Materialization, 'builtEpoch'>,
  now: number,
  options: { readonly ifVersion?: number } = {},
): Transition {
  const row = fold(entry)
  const version = row.value?.version ?? 0
  if (options.ifVersion !== undefined && options.ifVersion !== version)
    return { refused: { reason: 'version', version } }
  const retired = row.lease
    ? retire(row.retired, { id: row.lease.token, chunks: UNKNOWN_CHUNKS, at: now })
    : row.retired
  return { next: publish({ ...row, retired }, { ...value, builtEpoch: row.epoch }, now) }
}

/** Puts a value back that was dumped before, unless there is that version or a newer one. */
export function restore(
  entry: StoredEntry,
  value: Omit<Materialization, 'builtEpoch'>,
  from: Pick<EntryRow, 'dirtyAt' | 'dirtyCause' | 'failure' | 'lastVersion'> & Pick<EntryRow, 'readAt' | 'history'>,
  now: number,
): Transition {
  const row = fold(entry)
  if (row.value && row.value.version >= value.version)
    return { refused: { reason: 'version', version: row.value.version } }
  const outcome = set(entry, value, now)
  if ('refused' in outcome) return outcome
  const { dirtyAt, dirtyCause, failure, readAt, history = [] } = from
  const next: EntryRow = {
    ...outcome.next,
    lastVersion: Math.max(outcome.next.lastVersion, from.lastVersion),
    failure,
    history,
    ...(readAt === undefined ? {} : { readAt }),
  }
  if (dirtyAt === null) return { next }
  return { next: { ...next, epoch: next.epoch + 1, dirtyAt, dirtyCause, dirtyDirect: true } }
}

/** Removes the value, and fences out a compute that is under way. */
export function purge(entry: StoredEntry, now: number): Transition {
  const row = fold(entry)
  if (!(row.value || row.lease || row.failure)) return { refused: { reason: 'nothing' } }
  let retired = row.retired
  if (row.value) retired = retireBody(retired, row.value, now)
  if (row.superseded) retired = retireBody(retired, row.superseded, now)
  if (row.lease) retired = retire(retired, { id: row.lease.token, chunks: UNKNOWN_CHUNKS, at: now })
  return {
    next: withRemoveAt(
      {
        ...row,
        ...CLEAN,
        epoch: row.epoch + 1,
        requested: null,
        value: null,
        superseded: null,
        lease: null,
        failure: null,
        retired,
      },
      now,
    ),
  }
}

/** Remembers that a refresh was asked for, so that others need not ask; while one is pending, how much it is wanted. */
export function request(
  entry: StoredEntry,
  requested: NonNullable<EntryRow['requested']>,
  now: number,
  renewAfterMs: number,
): Transition {
  // The marks stay beside the row: what they say of a change is for whoever makes the value.
  const row = entry.row ?? emptyRow(entry.key)
  const asked = row.requested
  const computing = row.lease !== null && now < row.lease.until
  if (computing) return { refused: { reason: 'nothing' } }
  if (asked && now - asked.at < renewAfterMs && laneRank(asked.lane) <= laneRank(requested.lane)) {
    if (requested.demand === undefined || requested.demand <= (asked.demand ?? 0)) {
      return { refused: { reason: 'nothing' } }
    }
    return { next: withRemoveAt({ ...row, requested: { ...asked, demand: requested.demand } }, now) }
  }
  return { next: withRemoveAt({ ...row, requested }, now) }
}

/** Notes that it was read, for those who ask whether anybody still does. */
export function touch(entry: StoredEntry, now: number): Transition {
  const { row } = entry
  if (!row?.value || (row.readAt !== undefined && row.readAt >= now)) return { refused: { reason: 'nothing' } }
  return { next: withRemoveAt({ ...row, readAt: now }, now) }
}

const LANES = ['hot', 'normal', 'idle']
function laneRank(lane: string): number {
  return LANES.indexOf(lane)
}

/** The bodies in `ids` are deleted. */
export function forgetRetired(entry: StoredEntry, ids: readonly string[], now: number): Transition {
  const row = fold(entry)
  const retired = row.retired.filter((body) => !ids.includes(body.id))
  if (retired.length === row.retired.length) return { refused: { reason: 'nothing' } }
  return { next: withRemoveAt({ ...row, retired }, now) }
}

/** Keeps another superseded value, or drops one that a change since then has made wrong. */
function supersede(row: EntryRow, superseded: Materialization | null | undefined, now: number): EntryRow {
  const kept = row.superseded?.builtEpoch === row.epoch ? row.superseded : null
  const next = superseded === undefined ? kept : superseded
  const isDropped = row.superseded && row.superseded.body.id !== next?.body.id
  return { ...row, superseded: next, retired: isDropped ? retireBody(row.retired, row.superseded, now) : row.retired }
}

function publish(row: EntryRow, value: Materialization, now: number): EntryRow {
  const stillDirty = value.builtEpoch !== row.epoch
  const isKept = row.value?.body.id === value.body.id || row.value?.body.id === row.superseded?.body.id
  const replaced = row.value && !isKept
  return withRemoveAt(
    {
      ...row,
      value,
      lastVersion: Math.max(row.lastVersion, value.version),
      lease: null,
      failure: null,
      dirtyAt: stillDirty ? row.dirtyAt : null,
      dirtyCause: stillDirty ? row.dirtyCause : null,
      dirtyDirect: stillDirty && row.dirtyDirect,
      retired: replaced && row.value ? retireBody(row.retired, row.value, now) : row.retired,
    },
    now,
  )
}

function retireBody(retired: readonly RetiredBody[], value: Materialization, now: number): readonly RetiredBody[] {
  return value.body.inline ? retired : retire(retired, { id: value.body.id, chunks: value.body.chunks, at: now })
}

function retire(retired: readonly RetiredBody[], body: RetiredBody): readonly RetiredBody[] {
  return retired.some((other) => other.id === body.id) ? retired : [...retired, body]
}

function withRemoveAt(row: EntryRow, now: number): EntryRow {
  return { ...row, removeAt: removeAt(row, now) }
}

function removeAt(row: EntryRow, now: number): number | null {
  if (!row.value) return now + EMPTY_ROW_MS
  if (row.value.hardExpiresAt === null) return null
  return Math.max(row.value.hardExpiresAt, row.lease?.until ?? 0, now) + GRACE_MS
}

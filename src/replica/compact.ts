import { setImmediate } from 'node:timers/promises'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import { checksumOf, type Item } from '../ports/replica-state.ts'
import type { SnapshotInfo, SnapshotStore } from '../ports/snapshot-store.ts'
import { append } from './append.ts'
import type { ReplicaParts } from './parts.ts'
import { pairsOf } from './range.ts'
import { readSnapshot, TornSnapshot } from './snapshot-format.ts'
import { snapshotsOf, snapshotsOfLog } from './snapshots.ts'

const DROPPED_AT_ONCE = 500

type Call = { readonly signal?: AbortSignal }

export interface Compaction {
  /** Updates up to this id are removed. */
  readonly limitId: number
  /** Keys for which it says false are deleted first, for everybody. Default: all stay. */
  readonly keep?: (key: Buffer, value: Buffer) => boolean
}

/** See `Replica.compact`. */
export async function compactReplica(parts: ReplicaParts, compaction: Compaction, signal?: AbortSignal): Promise<void> {
  if (compaction.keep) await dropKeys(parts, compaction.keep, signal)
  await compactLog(parts, compaction.limitId, signal)
}

/** By updates of the log, so that every reader shows it. A value that is set while `keep` looks at the last one stays. */
async function dropKeys(
  parts: ReplicaParts,
  keep: (key: Buffer, value: Buffer) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  let dropped: Item[] = []
  let seen = 0
  for (const { key, value } of pairsOf(parts.state, {}, 'bytes')) {
    if (!keep(key as Buffer, value as Buffer)) dropped.push({ key, value: null, onlyIf: checksumOf(value) })
    seen += 1
    if (seen % DROPPED_AT_ONCE !== 0) continue
    if (dropped.length > 0) await append(parts, dropped, signal)
    dropped = []
    // Readers of this process have a turn in between.
    await setImmediate(undefined, signal && { signal })
  }
  if (dropped.length > 0) await append(parts, dropped, signal)
}

/**
 * Raises the floor of the log to `limitId` and removes what is below, when a snapshot holds it. May be stopped anywhere
 * and called again: until the floor is raised nothing is missing for anybody, and from then on who is below restores.
 */
async function compactLog(parts: ReplicaParts, limitId: number, signal?: AbortSignal): Promise<void> {
  const snapshots = snapshotsOf(parts)
  const call = signal ? { signal } : {}
  const { logId, head, floor } = await parts.log.state(call)
  if (!Number.isSafeInteger(limitId) || limitId < 0 || limitId > head) {
    throw new KckError('BAD_REQUEST', `The log of ${parts.name} ends at update ${head}: compact up to that, or less`)
  }
  if (limitId > floor) {
    if (!(await isHeld(snapshots, { logId, limitId }, call))) {
      const message = `No valid snapshot of ${parts.name} holds the updates up to ${limitId}: take one first`
      throw new KckError('CONFLICT', message)
    }
    await parts.log.raiseFloor(limitId, call)
  }
  await parts.log.remove(limitId, call)
}

/** Whether a snapshot at `limitId` or above is whole: read to its end, since from then on everything may rest on it. */
async function isHeld(
  snapshots: SnapshotStore,
  { logId, limitId }: { readonly logId: string; readonly limitId: number },
  call: Call,
): Promise<boolean> {
  for (const snapshot of await snapshotsOfLog(snapshots, logId, call)) {
    if (snapshot.id >= limitId && (await isWhole(snapshots, snapshot, call))) return true
  }
  return false
}

async function isWhole(snapshots: SnapshotStore, snapshot: SnapshotInfo, call: Call): Promise<boolean> {
  try {
    const content = await snapshots.open(snapshot, call)
    if (!content) return false
    for await (const _page of readSnapshot(snapshot, content)) call.signal?.throwIfAborted()
    return true
  } catch (error) {
    if (!(error instanceof TornSnapshot)) throw error
    emit({ type: 'fault', where: `checking the snapshot ${snapshot.name}`, error })
    return false
  }
}

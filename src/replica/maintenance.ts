import { KckError } from '../errors.ts'
import type { SnapshotInfo } from '../ports/snapshot-store.ts'
import type { ReplicaParts } from './parts.ts'

/** A copy of the present state of `parts.state`, written to the snapshot store. */
export function takeSnapshot(_parts: ReplicaParts, _signal?: AbortSignal): Promise<SnapshotInfo> {
  return Promise.reject(new KckError('INTERNAL', 'Snapshots are not there yet'))
}

/**
 * Puts the newest valid snapshot of the log `logId` in place of the state, if it is newer. False: there is none that is
 * whole and at least at `atLeast` (the floor of the log).
 */
export function restoreNewest(
  _parts: ReplicaParts,
  _target: { readonly logId: string; readonly atLeast: number },
  _signal?: AbortSignal,
): Promise<boolean> {
  return Promise.resolve(false)
}

/** Raises the floor of the log to `limitId` and removes what is below, when a snapshot holds it. */
export function compactLog(_parts: ReplicaParts, _limitId: number, _signal?: AbortSignal): Promise<void> {
  return Promise.reject(new KckError('INTERNAL', 'Compaction is not there yet'))
}

import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { SnapshotInfo, SnapshotStore } from '../ports/snapshot-store.ts'
import type { ReplicaParts } from './parts.ts'
import { readSnapshot, SnapshotWriter, TornSnapshot } from './snapshot-format.ts'

/** Snapshots that are kept: when the newest turns out torn, another machine still starts from an older one. */
const KEPT = 3
const LOOK_AGAIN_MS = 200

type Call = { readonly signal?: AbortSignal }

/** A copy of the present state of `parts.state`, written to the snapshot store; old ones are removed. */
export async function takeSnapshot(parts: ReplicaParts, signal?: AbortSignal): Promise<SnapshotInfo> {
  const snapshots = snapshotsOf(parts)
  const call = signal ? { signal } : {}
  const exported = parts.state.export()
  const { logId, valid } = exported.position
  if (!valid || logId === null) {
    throw new KckError('STORE_UNAVAILABLE', `The replica ${parts.name} is not complete yet: update it first`)
  }
  const writer = new SnapshotWriter(exported, logId)
  const taken = await snapshots.put(writer.content(), () => writer.describe(), call)
  const old = (await snapshotsOfLog(snapshots, logId, call)).slice(KEPT)
  for (const snapshot of old) await snapshots.remove(snapshot, call)
  return taken
}

/**
 * Puts the newest valid snapshot of the log in place of the state, if it is newer. False: there is none that is whole
 * and holds what the log no longer has, and nothing that it never had: a log may have been taken back to an earlier time.
 */
export async function restoreNewest(parts: ReplicaParts, signal?: AbortSignal): Promise<boolean> {
  const { snapshots, log } = parts
  if (!snapshots) return false
  const call = signal ? { signal } : {}
  const { logId, floor, head } = await log.state(call)
  const useful = (await snapshotsOfLog(snapshots, logId, call)).filter(
    (snapshot) => snapshot.id >= floor && snapshot.id <= head && isNewer(parts, snapshot),
  )
  let unread: unknown = null
  for (const snapshot of useful) {
    try {
      if (await restore(parts, snapshots, snapshot, call)) return true
    } catch (error) {
      signal?.throwIfAborted()
      emit({ type: 'fault', where: `restoring ${parts.name} from the snapshot ${snapshot.name}`, error })
      if (!(error instanceof TornSnapshot)) unread = error
    }
  }
  // A snapshot that cannot be read now may be whole.
  if (unread) throw unread
  return false
}

/** False: the snapshot is gone. */
async function restore(
  { state, clock }: ReplicaParts,
  snapshots: SnapshotStore,
  snapshot: SnapshotInfo,
  call: Call,
): Promise<boolean> {
  const content = await snapshots.open(snapshot, call)
  if (!content) return false
  // When another process is at it, or was faster, its state is as good; whoever called looks again.
  if (!(await state.replace(snapshot, readSnapshot(snapshot, content)))) await clock.sleep(LOOK_AGAIN_MS, call.signal)
  return true
}

function isNewer({ state }: ReplicaParts, snapshot: SnapshotInfo): boolean {
  const { logId, id, valid } = state.position()
  return logId !== snapshot.logId || !valid || snapshot.id > id
}

export async function snapshotsOfLog(
  snapshots: SnapshotStore,
  logId: string,
  call: Call,
): Promise<readonly SnapshotInfo[]> {
  return (await snapshots.list(call)).filter((snapshot) => snapshot.logId === logId)
}

export function snapshotsOf({ name, snapshots }: ReplicaParts): SnapshotStore {
  if (snapshots) return snapshots
  throw new KckError('INVALID_CONFIG', `The replica ${name} has no place for snapshots: open it with one`)
}

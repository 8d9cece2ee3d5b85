import type { SnapshotInfo } from '../ports/snapshot-store.ts'
import type { ReplicaKey } from './key.ts'

export interface ReplicaCallOptions {
  readonly signal?: AbortSignal
}

/**
 * A dataset that every process of every machine reads from a file which the processes of a machine share, fed by a log
 * of updates in an external store. Reads are synchronous, take microseconds and never touch the network; writes go to
 * the log, and are durable there when they return.
 *
 * Reads see everything that any process of this machine has applied before, and throw `STORE_UNAVAILABLE` as long as
 * the file has never been complete (`valid` is false). Values that a codec decoded are shared by all who read them, and
 * frozen.
 */
export interface Replica<T, K extends string | Buffer = string> {
  readonly name: string
  /** Undefined: there is none. Throws `BAD_KEY` for what cannot be a key. */
  get(key: ReplicaKey): T | undefined
  /** The encoded value, the caller's own bytes. */
  getBytes(key: ReplicaKey): Buffer | undefined
  has(key: ReplicaKey): boolean
  /**
   * In the order of the keys' bytes, and live: what is inserted ahead of the iterator is seen, what behind it is not.
   * Keys are text, or bytes where the replica was opened with `keys: 'bytes'`.
   */
  keys(range?: ReplicaRange): IterableIterator<K>
  values(range?: ReplicaRange): IterableIterator<T>
  entries(range?: ReplicaRange): IterableIterator<[key: K, value: T]>
  /** Number of keys. */
  readonly size: number

  /**
   * Durable in the log, and visible here (where `valid`), when it resolves: the update's id. Should this machine fail to
   * apply it just then, the follower does, and a `replica` event says so. Before anything is written it throws
   * `BAD_KEY`, `UNSTORABLE` (no form in the codec) or `TOO_LARGE` (encoded, more than 1 MiB). `STORE_UNAVAILABLE` with
   * `details.outcome: 'unknown'`: it may have been written.
   */
  set(key: ReplicaKey, value: T, options?: ReplicaCallOptions): Promise<number>
  /**
   * Several at once: the id of the last update. More than 1 MiB together becomes several updates, each of them whole
   * or not at all; one value that is too large, and nothing is written. Nothing to set: the present id, no update.
   */
  setMany(
    entries: Iterable<readonly [ReplicaKey, T]> | Readonly<Record<string, T>>,
    options?: ReplicaCallOptions,
  ): Promise<number>
  /** Also of a key that is not there. */
  delete(key: ReplicaKey, options?: ReplicaCallOptions): Promise<number>
  deleteMany(keys: Iterable<ReplicaKey>, options?: ReplicaCallOptions): Promise<number>

  /** Applies the log up to its end, or at least up to `toId`. Returns the id that was reached. */
  update(toId?: number, options?: ReplicaCallOptions): Promise<number>
  /** Updates in the background until the returned function is called. Faults are `replica` events. */
  follow(): () => Promise<void>
  /** Every update up to this id is applied in this machine's file. */
  readonly updateId: number
  /** False: the file has never been complete; `update` makes it so. */
  readonly valid: boolean
  /** When this process last knew that nothing was missing, in milliseconds since 1970; null: never. */
  readonly currentAt: number | null

  /** Writes a copy of the present state, with its id and checksum, to the snapshot store. */
  snapshot(options?: ReplicaCallOptions): Promise<SnapshotInfo>
  /** Takes the newest valid snapshot in place of the file, if it is newer than that. Returns the id then reached. */
  restore(options?: ReplicaCallOptions): Promise<number>
  /**
   * Removes updates up to `limitId` (at most what a snapshot holds), while others read and write. Keys for which `keep`
   * says false are deleted first, everywhere.
   */
  compact(limitId: number, keep?: (key: K, value: T) => boolean, options?: ReplicaCallOptions): Promise<void>

  /** Stops following and lets go of the file and the log's connections; a later call takes them up again. */
  close(): Promise<void>
  /** Empties this machine's file, for all its processes, and closes. The log stays; `update` builds it anew. */
  destroy(): Promise<void>
}

export interface ReplicaRange {
  /** The first key. */
  readonly start?: ReplicaKey
  /** The first key that is not in it any more. */
  readonly end?: ReplicaKey
  /** Only keys that begin with it. */
  readonly prefix?: ReplicaKey
}

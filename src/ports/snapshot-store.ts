import type { CallOptions } from './entry-store.ts'

export interface SnapshotInfo {
  /** Unique; names begin with nothing that could be taken for a path. */
  readonly name: string
  /** The update id up to which it is complete. */
  readonly id: number
  readonly logId: string
  readonly bytes: number
  /** SHA-256 of the content, in hexadecimal digits. */
  readonly checksum: string
}

/**
 * Copies of a dataset at a moment. Content and checksum are the replica's business; a store keeps them and hands them
 * out, and says of a snapshot only what was written with it. Failures throw `KckError` `STORE_UNAVAILABLE`.
 */
export interface SnapshotStore {
  /** The newest first (by id, then the later one). What is not completely there is not listed. */
  list(options?: CallOptions): Promise<readonly SnapshotInfo[]>
  /**
   * Writes the content under a new name and, when all of it is there, points to it. `describe` is asked at the end,
   * when the checksum is known. Fails: nothing is listed.
   */
  put(
    content: AsyncIterable<Uint8Array>,
    describe: () => Omit<SnapshotInfo, 'name'>,
    options?: CallOptions,
  ): Promise<SnapshotInfo>
  /** The content from its start. It may end early or be damaged: who reads it checks it. Null: it is gone. */
  open(snapshot: SnapshotInfo, options?: CallOptions): Promise<AsyncIterable<Uint8Array> | null>
  /** The pointer first, then the content. Not there: does nothing. */
  remove(snapshot: SnapshotInfo, options?: CallOptions): Promise<void>
}

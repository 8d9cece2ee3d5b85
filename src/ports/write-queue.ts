import type { CallOptions } from './entry-store.ts'

/**
 * Where accepted writes wait until the source has them: logs, one per shard. A log grows at its end, one record at a
 * time, and has no holes; its records are read in order from any position on, and each can be replaced. Linearizable
 * per record; the outcome of `append` and `replace` is always known when they return (`STORE_UNAVAILABLE` otherwise).
 * Whoever appends at `position` has seen `position - 1`, and only records whose `removeAt` has come may be gone.
 */
export interface WriteQueue {
  /** Puts a record where none is. False: there is one already. Positions count from 1. */
  append(shard: number, position: number, record: QueuedRecord, options?: CallOptions): Promise<boolean>
  /** The records above `after` in order, at most `limit`. Sees every append that was acknowledged before. */
  read(shard: number, after: number, limit: number, options?: CallOptions): Promise<readonly StoredRecord[]>
  /** Replaces a record whose revision still is `rev`. It may be gone from `removeAt` (milliseconds; null: never) on. */
  replace(
    shard: number,
    stored: Pick<StoredRecord, 'position' | 'rev'>,
    next: QueuedRecord & { readonly removeAt: number | null },
    options?: CallOptions,
  ): Promise<boolean>
}

export interface QueuedRecord {
  /** At most 512 KiB. */
  readonly text: string
  /** Unique per intended change, so that an attempt whose answer was lost is recognised. */
  readonly operation: string
}

export interface StoredRecord {
  readonly position: number
  /** Bumped by 1 by every replacement, from 1. */
  readonly rev: number
  readonly text: string
}

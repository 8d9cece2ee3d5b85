import type { EntryRow, Mark, StoredEntry } from '../entry/entry.ts'

export interface ReadOptions {
  /**
   * `one` (default) may miss the newest write of another process for a moment (Cassandra LOCAL_ONE); `latest` sees
   * every write acknowledged before it (LOCAL_QUORUM).
   */
  readonly consistency?: 'one' | 'latest'
  readonly signal?: AbortSignal
}

export interface CallOptions {
  readonly signal?: AbortSignal
}

/**
 * Where entries live. An adapter promises:
 *
 * - `compareAndSet` is linearizable per key, and its outcome is always known when it returns: a timed-out attempt is
 *   resolved (same `next.rev`, `next.ops`) before it answers, or `STORE_UNAVAILABLE` is thrown.
 * - marks are a grow-only set per key until `unmark`; a mark acknowledged before a `latest` read is in it.
 * - rows and marks are never changed by each other's statements.
 * - a row, mark or chunk may disappear from its `removeAt` on, never before.
 * - what cannot be decoded (damaged, or of a newer format) reads as absent, with a `fault` event, and is not
 *   overwritten when it is of a newer format.
 *
 * Keys are canonical (`key/key.ts`). Failures throw `KckError` `STORE_UNAVAILABLE`; an aborted signal throws its reason.
 */
export interface EntryStore {
  get(key: string, options?: ReadOptions): Promise<StoredEntry>
  /** One round trip for all; results in the order of `keys`. */
  getMany(keys: readonly string[], options?: ReadOptions): Promise<readonly StoredEntry[]>
  /**
   * Replaces `previous` (null: no row) by `next` when the stored row's `rev` still is `previous.rev`; `next.rev` is
   * `previous.rev + 1`. True when it was applied. The inline body is written with it when it differs from previous's
   * or lives longer.
   */
  compareAndSet(previous: EntryRow | null, next: EntryRow, options?: CallOptions): Promise<boolean>
  /** Adds `mark` beside every one of `keys`; idempotent by `mark.id`. Marks may be dropped from `removeAt` on (null: never). */
  mark(keys: readonly string[], mark: Mark, removeAt: number | null, options?: CallOptions): Promise<void>
  /** Removes marks that are folded into the row. Idempotent. */
  unmark(key: string, markIds: readonly string[], options?: CallOptions): Promise<void>
  /** Stores the chunks of a body under its id, each at most 512 KiB; idempotent. */
  putChunks(
    key: string,
    bodyId: string,
    chunks: readonly Uint8Array[],
    removeAt: number | null,
    options?: CallOptions,
  ): Promise<void>
  /** The `count` chunks in order, or null when one is missing. */
  getChunks(key: string, bodyId: string, count: number, options?: CallOptions): Promise<readonly Uint8Array[] | null>
  deleteChunks(key: string, bodyId: string, count: number, options?: CallOptions): Promise<void>
  /** Resolves when the store answers; throws `STORE_UNAVAILABLE` otherwise. */
  ping(options?: CallOptions): Promise<void>
  close(): Promise<void>
}

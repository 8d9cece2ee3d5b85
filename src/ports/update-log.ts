import type { CallOptions } from './entry-store.ts'

/** The most bytes that the contents of one update may have; a little more than the largest item. */
export const MAX_UPDATE_BYTES = 1024 * 1024 + 4096

export interface LogUpdate {
  /** 1, 2, 3, ...; ids of superseded and of removed updates are missing. */
  readonly id: number
  readonly contents: Uint8Array
}

export interface NewUpdate {
  /** At most `MAX_UPDATE_BYTES`; what is in them is the replica's business. */
  readonly contents: Uint8Array
  /**
   * The one key that the update changes: it supersedes the earlier updates that named the same one. Null: it changes
   * several.
   */
  readonly key: Uint8Array | null
  /** Unique; by it an attempt that went unanswered is recognised. */
  readonly operation: string
}

export interface LogState {
  /** Unique to this log: a copy that was made from another one is of no use here. */
  readonly logId: string
  /** Id of the newest update; it never falls, not even when all updates are removed. 0: there has been none. */
  readonly head: number
  /** Updates up to this id may have been removed: who has not read up to it needs a snapshot. Never falls. */
  readonly floor: number
}

export interface LogPage extends LogState {
  /** In the order of their ids. */
  readonly updates: readonly LogUpdate[]
  /** The page is complete up to this id: go on after it. Ids without an update in between were superseded. */
  readonly through: number
}

/**
 * The ordered updates of one dataset: what is true. An adapter promises:
 *
 * - ids become visible in order: who has seen id n never finds a new one below n. They are given out without gaps.
 * - `append` returns when the update is durable, and its outcome is known: an attempt without an answer is resolved
 *   before it returns, or it throws `STORE_UNAVAILABLE` with `details.outcome: 'unknown'`. Nothing is appended twice.
 * - of the updates that name a key, only the newest takes space (after a crash another one may stay until `remove`).
 * - `floor` of a page was read not before its updates: where `floor` is not above `after`, none of them is missing.
 *
 * Any number of processes may append, read and remove at the same time. Failures throw `KckError`
 * `STORE_UNAVAILABLE`; an aborted signal throws its reason.
 */
export interface UpdateLog {
  /** Returns the update's id. */
  append(update: NewUpdate, options?: CallOptions): Promise<number>
  /** Updates with ids above `after`, up to about `limit.bytes` of contents (at least one update, when there is one). */
  read(after: number, limit: { readonly bytes: number }, options?: CallOptions): Promise<LogPage>
  state(options?: CallOptions): Promise<LogState>
  /** Announces that updates up to `id` (at most the head) are going to be removed. Lower than the floor: does nothing. */
  raiseFloor(id: number, options?: CallOptions): Promise<void>
  /** Removes updates up to `id`, in small steps. Throws `BAD_REQUEST` above the floor. */
  remove(id: number, options?: CallOptions): Promise<void>
  /** Creates what is missing and waits until it can be used. Safe to run again, and at the same time from elsewhere. */
  createSchema(): Promise<void>
  /** Lets go of connections and files; a later call takes them up again. */
  close(): Promise<void>
}

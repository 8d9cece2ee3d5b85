import { hash } from 'node:crypto'

/** Where a copy of a dataset stands. */
export interface Position {
  /** The log that it follows; null: none yet. */
  readonly logId: string | null
  /** Every update up to this id is in it, and none above. */
  readonly id: number
  /** Whether it may be read: it has once held all that was in the log. */
  readonly valid: boolean
}

export interface Pair {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface Item {
  readonly key: Uint8Array
  /** Null: the key is deleted. */
  readonly value: Uint8Array | null
  /** Nothing is deleted unless the present value has this checksum (`checksumOf`): somebody may have set another. */
  readonly onlyIf?: Uint8Array
}

/** Of a value, for `Item.onlyIf`: the first 16 bytes of its SHA-256. */
export function checksumOf(value: Uint8Array): Buffer {
  return hash('sha256', value, 'buffer').subarray(0, CHECKSUM_BYTES)
}

export const CHECKSUM_BYTES = 16

/** Whoever asks first is told what changed since its last question. */
export interface Changes {
  /** Grows with every change of the state. */
  readonly version: number
  /** Keys that may have changed since the version asked for; null: any may have. */
  readonly keys: readonly Uint8Array[] | null
}

/**
 * One dataset in a file that all processes of a machine share. Reads are synchronous and see what is committed when
 * they are made, by any process. A process may be killed at any instant: a change is there with its position, or not at
 * all. A damaged file is noticed, moved aside and reported, and the position is then that of an empty state.
 *
 * Failures throw `KckError` `STORE_UNAVAILABLE`.
 */
export interface ReplicaState {
  position(): Position
  /** A number that is another one after every change; cheaper than a read of anything. */
  stamp(): number
  /** What changed since `version`. Remembers the last changes only. */
  changes(version: number): Changes
  /** Bytes of the caller's own. */
  get(key: Uint8Array): Buffer | undefined
  has(key: Uint8Array): boolean
  /** Up to `limit` pairs with keys from `start` on (`after`: behind it), in the order of their bytes. */
  range(from: { readonly start?: Uint8Array; readonly after?: Uint8Array }, limit: number): readonly Pair[]
  size(): number

  /**
   * Applies updates `from + 1` to `to`, and that it did, in one transaction. False: the state is not at `from` (another
   * process was faster, or it is of another log), and nothing was changed.
   */
  apply(step: ApplyStep): boolean
  /**
   * The whole state at one position, for copying it out: pages of pairs in order, while other processes go on writing.
   * Ends early when the consumer stops.
   */
  export(): Exported
  /**
   * Puts a whole state in place of the present one: written beside it in small transactions, then switched over at
   * once, for all processes. Rejects with the pages' error, and then nothing has changed. False: another process has
   * put one there that is at least as new, or is at it.
   */
  replace(
    position: { readonly logId: string; readonly id: number },
    pages: AsyncIterable<readonly Pair[]>,
  ): Promise<boolean>
  /** Empties it for all processes: as if it had never been built. */
  clear(): void
  /** Lets go of the file; the next call of anything takes it up again. */
  close(): Promise<void>
}

export interface ApplyStep {
  readonly logId: string
  readonly from: number
  readonly to: number
  readonly items: readonly Item[]
  /** It has thereby reached the end of the log. */
  readonly atHead: boolean
}

export interface Exported {
  readonly position: Position
  readonly pages: AsyncIterable<readonly Pair[]>
}

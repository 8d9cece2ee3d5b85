import type { JsonValue } from '../entry/json.ts'

/** Writes that are answered when they are safe in the store, and applied to their source later. */
export interface Writes {
  /**
   * Accepts a write. Throws what a direct update throws for a wrong key or body, `TOO_LARGE`, `SOURCE_BUSY` when as many
   * wait as may, `STORE_UNAVAILABLE` (then it may have been accepted: repeat it with the same `idempotencyKey`).
   */
  accept(updaterKey: string, body: unknown, request?: AcceptRequest): Promise<Accepted>
  /** What became of a write; null: nobody knows of it (any more: a day after it was applied). */
  status(id: string): Promise<WriteStatus | null>
  /** Resolves when it was applied and what it changed is marked, or was refused. Rejects when the signal aborts. */
  until(id: string, signal: AbortSignal): Promise<void>
  /** Refused writes, the oldest of each log first. */
  parked(limit?: number): Promise<readonly ParkedWrite[]>
  /** Lets a refused write wait again, at the end; its new id. Throws `NOT_FOUND` when it is not (any more) refused. */
  retry(id: string): Promise<string>
  discard(id: string): Promise<void>
  /** How many wait, and why nothing moves where nothing does. */
  waiting(): Promise<Waiting>
  readonly worker: WriteWork
}

export interface AcceptRequest {
  /** Equal for repetitions of the same write, which then count once (for a week after it was applied). */
  readonly idempotencyKey?: string
}

export interface Accepted {
  readonly id: string
  readonly updater: string
  /** Keys of products that show it from now on. */
  readonly shown: readonly string[]
  /** For `FetchRequest.after`: who carries it waits until the write is applied. */
  readonly after: string
}

export interface WriteStatus {
  readonly id: string
  /** As the URL named it. */
  readonly updater: string
  readonly state: 'accepted' | 'applied' | 'parked' | 'discarded'
  readonly body: Readonly<Record<string, JsonValue>>
  /** Milliseconds since 1970. */
  readonly acceptedAt: number
  /** Why it is parked. */
  readonly error?: { readonly code: string; readonly message: string }
  /** It waits again, or was applied, under this id. */
  readonly as?: string
}

export interface ParkedWrite extends WriteStatus {
  /** Milliseconds since 1970. */
  readonly parkedAt: number
}

export interface Waiting {
  readonly writes: number
  readonly bytes: number
  readonly parkedRecords: number
  readonly trouble: { readonly code: string; readonly message: string; readonly since: number } | null
}

export interface WriteLimits {
  /** Writes that may wait in one of the 8 logs. @default 10_000 */
  readonly maxWaiting: number
  /** Bytes that they may take. @default 16 MiB */
  readonly maxWaitingBytes: number
  /** Bytes of one write. @default 64 KiB */
  readonly maxWriteBytes: number
}

export interface WriteWork {
  /** Applies what waits, and what comes, until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>
  /** Applies until nothing is left that can be applied now; how many writes. Never rejects. @default all logs */
  drain(signal: AbortSignal, shards?: readonly number[]): Promise<number>
}

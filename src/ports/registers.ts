import type { CallOptions } from './entry-store.ts'

/**
 * Small named values that several processes change one at a time: who runs a schedule, how much of a source's budget
 * is taken, which idempotency keys were seen. Every change is a compare-and-set, linearizable per name, its outcome
 * always known when it returns (`STORE_UNAVAILABLE` otherwise).
 */
export interface Registers {
  get(name: string, options?: CallOptions): Promise<Register | null>
  /**
   * Writes `text` when the register's revision still is `rev` (0: there is none). True when it was applied. The
   * register may disappear from `removeAt` (milliseconds; null: never) on. `operation` is unique per intended change,
   * so that an attempt whose answer was lost is recognised.
   */
  compareAndSet(name: string, rev: number, next: RegisterWrite, options?: CallOptions): Promise<boolean>
}

export interface Register {
  /** Bumped by 1 by every write. */
  readonly rev: number
  readonly text: string
}

export interface RegisterWrite {
  /** At most 64 KiB. */
  readonly text: string
  readonly operation: string
  readonly removeAt: number | null
}

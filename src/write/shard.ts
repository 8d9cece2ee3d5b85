import type { ErrorCode } from '../errors.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { changeRegister } from '../process/register.ts'
import { isIn, numbersIn, type Ranges, rangesOf } from './ranges.ts'
import type { Total } from './record.ts'

/**
 * How far a log is done, as a register holds it for all processes. A write above `done` waits; one at or below was
 * applied, unless its record is among `parked` and says otherwise.
 */
export interface ShardState {
  readonly done: number
  /** Of all writes up to `done`. */
  readonly total: Total
  /** Up to here overlays were ended and records got the time of their removal. */
  readonly settled: number
  /** Positions of records that hold a parked write. */
  readonly parked: Ranges
  readonly lease: { readonly token: string; readonly until: number } | null
  readonly trouble: Trouble | null
}

/** Why nothing moves. */
export interface Trouble {
  readonly at: number
  readonly code: ErrorCode
  readonly message: string
  /** How often in a row. */
  readonly failures: number
  /** Milliseconds; not tried again before. */
  readonly retryAt: number
  /** The write that fails while the source answers others; null: the source does not answer. */
  readonly write: string | null
}

export interface ShardDeps {
  readonly store: Pick<Store, 'registers' | 'writeQueue'>
  readonly clock: Clock
  readonly entropy: Entropy
}

const NEW: ShardState = {
  done: 0,
  total: { count: 0, bytes: 0 },
  settled: 0,
  parked: [],
  lease: null,
  trouble: null,
}

const nameOf = (shard: number) => `writes/${shard}`

export async function readShard(
  { store }: Pick<ShardDeps, 'store'>,
  shard: number,
  signal?: AbortSignal,
): Promise<ShardState> {
  const register = await store.registers.get(nameOf(shard), signal ? { signal } : {})
  return register ? (JSON.parse(register.text) as ShardState) : NEW
}

/** Replaces the state by what `next` makes of it; undefined: it stays as it is. */
export function changeShard(
  deps: ShardDeps,
  shard: number,
  next: (state: ShardState) => ShardState | undefined,
  signal?: AbortSignal,
): Promise<ShardState | undefined> {
  return changeRegister<ShardState>(deps, nameOf(shard), (state) => next(state ?? NEW), signal ? { signal } : {})
}

export function withParked(parked: Ranges, added: readonly number[], removed: readonly number[] = []): Ranges {
  if (added.length === 0 && !removed.some((position) => isIn(parked, position))) return parked
  return rangesOf([...numbersIn(parked), ...added].filter((position) => !removed.includes(position)))
}

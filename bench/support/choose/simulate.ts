import { percentile } from '../statistics.ts'
import { CHANGE, READ, type Trace } from './trace.ts'

/** Decides what the source computes next. Times in seconds. */
export interface Order {
  /** The key became stale. `cause`: `change` or `schedule`. */
  stale(key: number, cause: string, now: number): void
  /** Somebody reads the key, which is stale. */
  read(key: number, now: number): void
  /** The key to be computed now, or -1. Keys for which `world.due` is false are not worth it. */
  next(now: number): number
  fresh(key: number, now: number): void
}

/** What an order may know. */
export interface World {
  readonly trace: Trace
  /** Since when each key is stale; NaN while it is fresh. */
  readonly staleSince: Float64Array
  /** It is stale, and nobody computes it. */
  due(key: number): boolean
}

export interface Outcome {
  readonly meanS: number
  readonly p99S: number
  /** Share of reads that met a value which had been stale for longer than its soft TTL. */
  readonly lateReads: number
  /** Times that a product was stale for longer than its soft TTL, and of these the ones that somebody read. */
  readonly missed: number
  readonly missedSeen: number
  readonly computes: number
  /** Share of the source's slots in use. */
  readonly load: number
}

export function simulate(trace: Trace, makeOrder: (world: World) => Order): Outcome {
  const keys = trace.costS.length
  const staleSince = new Float64Array(keys).fill(Number.NaN)
  const running = new Uint8Array(keys)
  const changedWhileRunning = new Float64Array(keys).fill(Number.NaN)
  const lateSeen = new Uint8Array(keys)
  const world: World = { trace, staleSince, due: (key) => running[key] === 0 && !Number.isNaN(staleSince[key]) }
  const order = makeOrder(world)
  const ends = new EndHeap()
  let free = trace.slots
  let computes = 0
  let busyS = 0
  let missed = 0
  let missedSeen = 0
  let late = 0
  const seen: number[] = []
  let reads = 0
  let total = 0

  const endPeriod = (key: number, now: number) => {
    if (now - (staleSince[key] as number) > (trace.softTtlS[key] as number)) {
      missed += 1
      if (lateSeen[key]) missedSeen += 1
    }
    lateSeen[key] = 0
  }
  const complete = (now: number, key: number) => {
    free += 1
    running[key] = 0
    endPeriod(key, now)
    const since = changedWhileRunning[key] as number
    changedWhileRunning[key] = Number.NaN
    staleSince[key] = since
    order.fresh(key, now)
    if (!Number.isNaN(since)) order.stale(key, 'change', now)
  }
  const start = (now: number) => {
    while (free > 0) {
      const key = order.next(now)
      if (key < 0) return
      if (!world.due(key)) throw new Error('not due')
      free -= 1
      computes += 1
      const cost = trace.costS[key] as number
      busyS += Math.min(cost, trace.seconds - now)
      running[key] = 1
      ends.push(now + cost, key)
    }
  }
  for (let i = 0; i < trace.at.length; i++) {
    const now = trace.at[i] as number
    const key = trace.key[i] as number
    while (ends.at <= now) {
      const at = ends.at
      complete(at, ends.pop())
      start(at)
    }
    if (trace.kind[i] === READ) {
      reads += 1
      const since = staleSince[key] as number
      if (!Number.isNaN(since)) {
        const s = now - since
        seen.push(s)
        total += s
        if (s > (trace.softTtlS[key] as number)) {
          late += 1
          lateSeen[key] = 1
        }
        if (!running[key]) order.read(key, now)
      }
    } else {
      if (running[key]) {
        if (Number.isNaN(changedWhileRunning[key])) changedWhileRunning[key] = now
      } else {
        if (Number.isNaN(staleSince[key])) staleSince[key] = now
        order.stale(key, trace.kind[i] === CHANGE ? 'change' : 'schedule', now)
      }
    }
    start(now)
  }
  for (let key = 0; key < keys; key++) if (!Number.isNaN(staleSince[key])) endPeriod(key, trace.seconds)
  // Reads of what is fresh count as 0.
  const above = reads * 0.01
  seen.sort((a, b) => b - a)
  return {
    meanS: total / reads,
    p99S: seen[Math.floor(above)] ?? 0,
    lateReads: late / reads,
    missed,
    missedSeen,
    computes,
    load: busyS / (trace.slots * trace.seconds),
  }
}
void percentile

/** Ends of computes, the earliest first. */
class EndHeap {
  readonly #at: number[] = []
  readonly #key: number[] = []
  get at(): number {
    return this.#at[0] ?? Number.POSITIVE_INFINITY
  }
  push(at: number, key: number): void {
    let hole = this.#at.length
    this.#at.push(at)
    this.#key.push(key)
    while (hole > 0) {
      const up = (hole - 1) >> 1
      if ((this.#at[up] as number) <= at) break
      this.#at[hole] = this.#at[up] as number
      this.#key[hole] = this.#key[up] as number
      hole = up
    }
    this.#at[hole] = at
    this.#key[hole] = key
  }
  pop(): number {
    const first = this.#key[0] as number
    const at = this.#at.pop() as number
    const key = this.#key.pop() as number
    const length = this.#at.length
    if (length > 0) {
      let hole = 0
      for (;;) {
        let child = 2 * hole + 1
        if (child >= length) break
        if (child + 1 < length && (this.#at[child + 1] as number) < (this.#at[child] as number)) child += 1
        if ((this.#at[child] as number) >= at) break
        this.#at[hole] = this.#at[child] as number
        this.#key[hole] = this.#key[child] as number
        hole = child
      }
      this.#at[hole] = at
      this.#key[hole] = key
    }
    return first
  }
}

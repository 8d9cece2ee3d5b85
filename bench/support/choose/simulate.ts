import { EndHeap } from './end-heap.ts'
import { CHANGE, READ, type Trace } from './trace.ts'

/** Decides what the source computes next. Times in seconds. */
export interface Order {
  /** The key changed, or its schedule is due. */
  stale(key: number, cause: 'change' | 'schedule', now: number): void
  /** Somebody reads the key, which is stale and not being computed. */
  read(key: number, now: number): void
  /** The key to compute now, one that is `due`; -1: none. */
  next(now: number): number
  /** A compute of the key has ended. */
  fresh(key: number): void
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
  /** Seconds for which a value had been stale when it was read, over all reads; 0 for a fresh one. */
  readonly meanStaleS: number
  readonly p99StaleS: number
  /** How often a product stayed stale for longer than its soft TTL. */
  readonly missed: number
  /** Share of the reads that met such a value. */
  readonly lateReads: number
  readonly computes: number
  /** Share of the source's time that was used. */
  readonly load: number
}

/** Plays a trace: readers get what is there, stale or not, and the source computes what the order says. */
export function simulate(trace: Trace, makeOrder: (world: World) => Order): Outcome {
  return new Simulation(trace, makeOrder).run()
}

class Simulation {
  readonly #trace: Trace
  readonly #order: Order
  readonly #ends = new EndHeap()
  readonly #staleSince: Float64Array
  /** Of the keys being computed: when they changed again. */
  readonly #changedAt: Float64Array
  readonly #computing: Uint8Array
  #free: number
  #computes = 0
  #busyS = 0
  #missed = 0
  #reads = 0
  #lateReads = 0
  readonly #stale: number[] = []

  constructor(trace: Trace, makeOrder: (world: World) => Order) {
    const keys = trace.costS.length
    this.#trace = trace
    this.#staleSince = new Float64Array(keys).fill(Number.NaN)
    this.#changedAt = new Float64Array(keys).fill(Number.NaN)
    this.#computing = new Uint8Array(keys)
    this.#free = trace.slots
    const due = (key: number) => this.#computing[key] === 0 && !Number.isNaN(this.#staleSince[key])
    this.#order = makeOrder({ trace, staleSince: this.#staleSince, due })
  }

  run(): Outcome {
    const { at, kind, key, seconds, slots } = this.#trace
    for (let index = 0; index < at.length; index++) {
      const now = at[index] as number
      while (this.#ends.first <= now) this.#end(this.#ends.first)
      this.#happens(kind[index] as number, key[index] as number, now)
      this.#begin(now)
    }
    for (const [stale, since] of this.#staleSince.entries()) {
      if (seconds - since > (this.#trace.softTtlS[stale] as number)) this.#missed += 1
    }
    const byAge = Float64Array.from(this.#stale).sort()
    const total = byAge.reduce((sum, age) => sum + age, 0)
    return {
      meanStaleS: total / this.#reads,
      // Whatever is not in the list was fresh.
      p99StaleS: byAge[byAge.length - 1 - Math.floor(this.#reads / 100)] ?? 0,
      missed: this.#missed,
      lateReads: this.#lateReads / this.#reads,
      computes: this.#computes,
      load: this.#busyS / (slots * seconds),
    }
  }

  #happens(kind: number, key: number, now: number): void {
    if (kind === READ) this.#read(key, now)
    else this.#change(key, kind === CHANGE ? 'change' : 'schedule', now)
  }

  #read(key: number, now: number): void {
    this.#reads += 1
    const staleS = now - (this.#staleSince[key] as number)
    if (Number.isNaN(staleS)) return
    this.#stale.push(staleS)
    if (staleS > (this.#trace.softTtlS[key] as number)) this.#lateReads += 1
    if (!this.#computing[key]) this.#order.read(key, now)
  }

  #change(key: number, cause: 'change' | 'schedule', now: number): void {
    const since = this.#computing[key] ? this.#changedAt : this.#staleSince
    if (Number.isNaN(since[key])) since[key] = now
    if (!this.#computing[key]) this.#order.stale(key, cause, now)
  }

  #begin(now: number): void {
    while (this.#free > 0) {
      const key = this.#order.next(now)
      if (key < 0) return
      const cost = this.#trace.costS[key] as number
      this.#free -= 1
      this.#computes += 1
      this.#busyS += Math.min(cost, this.#trace.seconds - now)
      this.#computing[key] = 1
      this.#ends.push(now + cost, key)
    }
  }

  #end(now: number): void {
    const key = this.#ends.pop()
    this.#free += 1
    this.#computing[key] = 0
    if (now - (this.#staleSince[key] as number) > (this.#trace.softTtlS[key] as number)) this.#missed += 1
    // What changed while it was computed may not be in it.
    const since = this.#changedAt[key] as number
    this.#changedAt[key] = Number.NaN
    this.#staleSince[key] = since
    this.#order.fresh(key)
    if (!Number.isNaN(since)) this.#order.stale(key, 'change', now)
    this.#begin(now)
  }
}

import type { Clock } from '../ports/clock.ts'

export interface VirtualClockOptions {
  /**
   * Until everything that does not wait for time has happened. Default: one turn of the event loop, which real I/O and
   * zlib's threads may need more than one of. `afterMicrotasks` is many times faster where nothing but promises is used.
   */
  readonly settled?: () => Promise<void>
}

/**
 * A clock that stands still until it is told to move. `run` lets everything that waits for time happen in order, so a
 * test of minutes takes milliseconds and never sleeps.
 */
export class VirtualClock implements Clock {
  #now: number
  #order = 0
  readonly #timers = new TimerHeap()
  readonly #settled: () => Promise<void>

  constructor(now: number = Date.UTC(2026, 0, 1), options: VirtualClockOptions = {}) {
    this.#now = now
    this.#settled = options.settled ?? afterEventLoop
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer = this.#add(ms, resolve)
      if (!signal) return
      const onAbort = () => {
        timer.fire = null
        reject(signal.reason)
      }
      timer.fire = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Calls `action` after `ms` milliseconds; for what runs a simulation, without a promise. */
  after(ms: number, action: () => void): void {
    this.#add(ms, action)
  }

  /** Moves time by `ms`; every timer on the way fires at its own moment. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await this.#settled()
    for (let timer = this.#timers.first(); timer && timer.at <= until; timer = this.#timers.first()) {
      this.#fire(timer)
      await this.#settled()
    }
    this.#now = until
  }

  /**
   * Moves time from timer to timer until `work` is done. Where nothing waits for time and `work` is not done either, it
   * goes on asking: real I/O may still finish it.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false
    const finish = () => {
      done = true
    }
    work.then(finish, finish)
    for (;;) {
      await this.#settled()
      if (done) return work
      const timer = this.#timers.first()
      if (timer) this.#fire(timer)
      else await afterEventLoop()
    }
  }

  #add(ms: number, fire: () => void): Timer {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fire }
    this.#timers.push(timer)
    return timer
  }

  #fire(timer: Timer): void {
    this.#timers.shift()
    this.#now = Math.max(this.#now, timer.at)
    timer.fire?.()
  }
}

/** Resolves when no promise is left that could go on by itself. */
export function afterMicrotasks(): Promise<void> {
  // Node runs a tick that is asked for inside a microtask only when the queue of microtasks is empty.
  return new Promise((resolve) => process.nextTick(resolve))
}

function afterEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

interface Timer {
  readonly at: number
  readonly order: number
  /** Null: cancelled. */
  fire: (() => void) | null
}

/** Timers by time, then by the order in which they were set. Cancelled ones leave when they come to the top. */
class TimerHeap {
  readonly #heap: Timer[] = []

  first(): Timer | undefined {
    while (this.#heap[0]?.fire === null) this.shift()
    return this.#heap[0]
  }

  push(timer: Timer): void {
    const heap = this.#heap
    let hole = heap.push(timer) - 1
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = heap[parent] as Timer
      if (!isBefore(timer, above)) break
      heap[hole] = above
      hole = parent
    }
    heap[hole] = timer
  }

  shift(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1
      if (!isBefore(heap[child] as Timer, last)) break
      heap[hole] = heap[child] as Timer
      hole = child
    }
    heap[hole] = last
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}

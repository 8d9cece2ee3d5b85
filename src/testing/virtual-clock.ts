import type { Clock, Entropy } from '../ports/clock.ts'

/**
 * A clock that stands still until it is told to move. `run` lets everything that waits for time happen in order, so a
 * test of minutes takes milliseconds and never sleeps.
 */
export class VirtualClock implements Clock {
  #now: number
  #order = 0
  readonly #timers = new Set<Timer>()

  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fire: resolve }
      this.#timers.add(timer)
      const onAbort = () => {
        this.#timers.delete(timer)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      timer.fire = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
    })
  }

  /** Moves time by `ms`; every timer on the way fires at its own moment. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settled()
    for (let timer = this.#next(); timer && timer.at <= until; timer = this.#next()) {
      this.#fire(timer)
      await settled()
    }
    this.#now = until
  }

  /** Moves time from timer to timer until `work` is done. Throws when nothing is left that could finish it. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false
    const finish = () => {
      done = true
    }
    work.then(finish, finish)
    for (;;) {
      await settled()
      if (done) return work
      const timer = this.#next()
      if (timer) this.#fire(timer)
    }
  }

  #next(): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer
    }
    return next
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    this.#now = Math.max(this.#now, timer.at)
    timer.fire()
  }
}

interface Timer {
  readonly at: number
  readonly order: number
  fire: () => void
}

/** Until everything that does not wait for time has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Ids and chances that are the same in every run with the same seed (mulberry32, by Tommy Ettinger). */
export class SeededEntropy implements Entropy {
  #state: number
  #ids = 0

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  id(): string {
    this.#ids += 1
    return `id${this.#ids.toString(36).padStart(6, '0')}${Math.floor(this.random() * 2 ** 32)
      .toString(36)
      .padStart(8, '0')}`.slice(0, 16)
  }

  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

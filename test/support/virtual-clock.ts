import type { Clock, Entropy } from '../../src/ports/clock.ts'

/** Time that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Moves time on by `ms`, waking every sleeper at its own moment, in order. */
  advance(ms: number): Promise<void>
}

interface Sleeper {
  readonly at: number
  wake(): void
}

export function createVirtualClock(start = Date.UTC(2026, 10, 20)): VirtualClock {
  let time = start
  const sleepers = new Set<Sleeper>()

  const next = (until: number) => {
    let first: Sleeper | undefined
    for (const sleeper of sleepers) {
      if (sleeper.at <= until && (first === undefined || sleeper.at < first.at)) first = sleeper
    }
    return first
  }

  return {
    now: () => time,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const leave = () => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', abort)
        }
        const abort = () => {
          leave()
          reject(signal?.reason)
        }
        const sleeper: Sleeper = {
          at: time + Math.max(0, ms),
          wake: () => {
            leave()
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', abort, { once: true })
      }),
    async advance(ms) {
      const until = time + ms
      await settle()
      for (let sleeper = next(until); sleeper; sleeper = next(until)) {
        time = Math.max(time, sleeper.at)
        sleeper.wake()
        await settle()
      }
      time = until
      await settle()
    },
  }
}

/** Lets everything that is ready to run, run: what was just woken may sleep again before time moves on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The same numbers and ids for the same seed. */
export function createSeededEntropy(seed = 1): Entropy {
  let state = seed >>> 0
  let count = 0
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return { random, id: () => `${seed}-${count++}`.padEnd(16, '_') }
}

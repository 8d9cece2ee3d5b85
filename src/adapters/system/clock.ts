import { randomBytes } from 'node:crypto'
import type { Clock, Entropy } from '../../ports/clock.ts'

/** Node's timers fire at once when asked for longer than this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) await pause(Math.min(left, LONGEST_TIMER_MS), signal)
  },
}

/** Node's own promise of a timer makes two errors for an abort, each with a stack: dearer than a read of the store. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

export const systemEntropy: Entropy = {
  id: () => randomBytes(12).toString('base64url'),
  random: () => Math.random(),
}

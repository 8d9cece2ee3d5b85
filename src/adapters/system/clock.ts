import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, Entropy } from '../../ports/clock.ts'

/** Node's timers fire at once when asked for longer than this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) {
        await delay(Math.min(left, LONGEST_TIMER_MS), undefined, signal ? { signal } : {})
      }
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    }
  },
}

export const systemEntropy: Entropy = {
  id: () => randomBytes(12).toString('base64url'),
  random: () => Math.random(),
}

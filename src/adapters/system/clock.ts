import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, Entropy } from '../../ports/clock.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    }
  },
}

export const systemEntropy: Entropy = {
  id: () => randomBytes(12).toString('base64url'),
  random: () => Math.random(),
}

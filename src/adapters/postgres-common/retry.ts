import { setTimeout as delay } from 'node:timers/promises'
import { isStalePlan, sqlStateOf } from './errors.ts'

const ATTEMPTS = 6
const FIRST_PAUSE_MS = 20

const SERIALIZATION_FAILURE = '40001'
const DEADLOCK = '40P01'

/**
 * Runs a whole transaction again when it lost against another one: at most 6 times, pausing up to 20, 40, ... 320 ms
 * (each a random part of it, so that two losers do not meet again). The work must therefore be safe to run again.
 */
export async function retryTransaction<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt()
    } catch (error) {
      if (!isRetryable(error) || count === ATTEMPTS || signal?.aborted) throw error
      await pause(Math.random() * FIRST_PAUSE_MS * 2 ** (count - 1), signal)
    }
  }
}

function isRetryable(error: unknown): boolean {
  const sqlState = sqlStateOf(error)
  return sqlState === SERIALIZATION_FAILURE || sqlState === DEADLOCK || isStalePlan(error)
}

/** Sleeps; throws the signal's reason when it aborts meanwhile. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal ? { signal } : {})
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  }
}

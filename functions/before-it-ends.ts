import type { Context } from 'aws-lambda'
import { KckError } from '../src/errors.ts'
import { ENDED } from '../src/kck/scope.ts'
import type { Clock } from '../src/ports/clock.ts'

/** Milliseconds before the end of the function at which it stops: enough to give back leases, turns and messages. */
const RESERVE_MS = 3_000

/** `work` with a signal that aborts while there is still time to tidy up. */
export async function beforeItEnds<T>(
  context: Context,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const timer = new AbortController()
  const left = context.getRemainingTimeInMillis()
  const late = new KckError('DEADLINE_EXCEEDED', 'The function ends; another one goes on')
  clock.sleep(left - Math.min(RESERVE_MS, left / 4), timer.signal).then(
    () => stop.abort(late),
    () => undefined,
  )
  try {
    return await work(stop.signal)
  } finally {
    timer.abort(ENDED)
  }
}

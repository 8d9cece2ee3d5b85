import { KckError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { type HeaderList, singleHeader } from './request.ts'

export interface DeadlineOptions {
  /** Milliseconds a request may take when it does not say. Default 5,000. */
  readonly deadlineMs: number
  /** Milliseconds that a `KCK-Timeout` header may ask for at most. Default 30,000. */
  readonly maxDeadlineMs: number
}

/** The core answers by the deadline itself and knows why it could not; the edge steps in only this much later. */
const graceMs = 50

/** When an answer is due, from `KCK-Timeout` (seconds, decimals allowed) or the default. Throws `BAD_REQUEST`. */
export function deadlineOf(headers: HeaderList, now: number, options: DeadlineOptions): number {
  const header = singleHeader(headers, 'kck-timeout')
  if (header === undefined) return now + options.deadlineMs
  const seconds = /^\d{1,6}(?:\.\d{1,3})?$/.test(header) ? Number(header) : 0
  if (seconds <= 0) throw new KckError('BAD_REQUEST', 'KCK-Timeout takes a number of seconds above 0')
  return now + Math.min(seconds * 1000, options.maxDeadlineMs)
}

/** Runs `work` to the deadline: whatever hangs (a key server, an upload), the caller has an answer then. */
export async function withDeadline<T>(
  clock: Clock,
  deadline: number,
  caller: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const abort = () => controller.abort(caller.reason)
  caller.addEventListener('abort', abort, { once: true })
  if (caller.aborted) abort()
  const done = new AbortController()
  const late = clock.sleep(Math.max(0, deadline - clock.now()) + graceMs, done.signal).then(() => {
    const error = new KckError('DEADLINE_EXCEEDED', 'There was no answer by the deadline of the request')
    controller.abort(error)
    throw error
  })
  try {
    return await Promise.race([work(controller.signal), late])
  } finally {
    done.abort()
    caller.removeEventListener('abort', abort)
  }
}

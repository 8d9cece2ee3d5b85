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

/** Milliseconds between two looks at the clock while requests are under way. */
const tickMs = 25

export interface Deadlines {
  /**
   * Runs `work` to the deadline: whatever hangs (a key server, an upload), the caller has an answer then. The signal that
   * `work` gets aborts with the caller's, or when time is up.
   */
  run<T>(deadline: number, caller: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
}

interface Running {
  readonly until: number
  expire(error: KckError): void
}

/** One sleeper for all requests: a timer for each would cost more than answering it from the cache. */
export function createDeadlines(clock: Clock): Deadlines {
  const running = new Set<Running>()
  let watching = false

  async function watch(): Promise<void> {
    watching = true
    while (running.size > 0) {
      await clock.sleep(tickMs)
      const now = clock.now()
      for (const one of running) {
        if (now >= one.until) one.expire(new KckError('DEADLINE_EXCEEDED', 'There was no answer by the deadline'))
      }
    }
    watching = false
  }

  return {
    run(deadline, caller, work) {
      const controller = new AbortController()
      const abort = () => controller.abort(caller.reason)
      if (caller.aborted) abort()
      else caller.addEventListener('abort', abort, { once: true })
      return new Promise((resolve, reject) => {
        const one: Running = {
          until: deadline + graceMs,
          expire(error) {
            running.delete(one)
            controller.abort(error)
            reject(error)
          },
        }
        running.add(one)
        if (!watching) void watch()
        work(controller.signal)
          .then(resolve, reject)
          .finally(() => {
            running.delete(one)
            caller.removeEventListener('abort', abort)
          })
      })
    },
  }
}

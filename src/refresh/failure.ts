import type { EntryRow, Failure } from '../entry/entry.ts'
import { type ErrorCode, KckError } from '../errors.ts'
import type { RetryOptions } from '../kck/options.ts'
import type { Entropy } from '../ports/clock.ts'

/** Not the primer's fault: never parks a key. */
const OUTAGES: ReadonlySet<ErrorCode> = new Set(['SOURCE_UNAVAILABLE', 'SOURCE_BUSY', 'STORE_UNAVAILABLE'])
/** What a caller is told to wait for a parked key: it needs a person. */
const PARKED_RETRY_AFTER_MS = 300_000

/** What the row remembers of a failed compute, and when the next one may be tried: exponential, with jitter of 25%. */
export function nextFailure(
  row: EntryRow,
  error: KckError,
  context: {
    readonly retry: RetryOptions
    readonly entropy: Entropy
    readonly primerRevision: string
    readonly now: number
  },
): Failure {
  const { retry, entropy, now } = context
  const outage = OUTAGES.has(error.code)
  const attempts = (row.failure?.attempts ?? 0) + (outage ? 0 : 1)
  const delay = Math.min(retry.maxMs, error.retryAfterMs ?? retry.firstMs * 2 ** Math.max(0, attempts - 1))
  const parked = !outage && attempts >= retry.parkAfter
  return {
    attempts,
    code: error.code,
    message: error.message,
    at: now,
    primerRevision: context.primerRevision,
    epoch: row.epoch,
    retryAt: parked ? null : now + Math.round(delay * (0.75 + entropy.random() / 2)),
  }
}

/** The error a caller gets while a key backs off: the last one, with when to ask again. */
export function backingOff(failure: Failure, now: number): KckError {
  return withRetryAfter(new KckError(failure.code as ErrorCode, failure.message), failure, now)
}

export function withRetryAfter(error: KckError, failure: Failure, now: number): KckError {
  const retryAfterMs = failure.retryAt === null ? PARKED_RETRY_AFTER_MS : Math.max(0, failure.retryAt - now)
  return new KckError(error.code, error.message, {
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    details: { ...error.details, attempts: failure.attempts, parked: failure.retryAt === null },
    retryAfterMs,
  })
}

import { asKckError, type ErrorCode, KckError } from '../errors.ts'

/** SQLSTATEs of what may go well another time: serialization, deadlock, resources, locks, somebody's intervention. */
const PASSING = /^(40|53|54|55|57|58|25P0|XX)/
const PASSING_CODES: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_UNAVAILABLE',
  'SOURCE_BUSY',
  'STORE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
])

/**
 * What a write has failed with for good: a constraint, a type, a row that is not there, an updater that is gone. Null:
 * it may go well another time.
 */
export function refusalOf(error: unknown): KckError | null {
  if (!(error instanceof KckError)) return asKckError(error, 'COMPUTE_FAILED', 'The code of the updater failed')
  if (PASSING_CODES.has(error.code)) return null
  const state = error.details['sqlState']
  return typeof state === 'string' && PASSING.test(state) ? null : error
}

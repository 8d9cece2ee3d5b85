import { KckError } from '../../errors.ts'
import { sqlStateError, unavailable } from '../postgres-common/errors.ts'

const RESUMING_RETRY_AFTER_MS = 5000

export const isResuming = (error: unknown): boolean => nameOf(error) === 'DatabaseResumingException'

export const isThrottled = (error: unknown): boolean =>
  nameOf(error) === 'ThrottlingException' || nameOf(error) === 'TooManyRequestsException'

/** An error of the Data API or of the way to it, in our own terms. */
export function translateError(source: string, error: unknown): KckError {
  if (error instanceof KckError) return error
  const message = error instanceof Error ? error.message : ''
  const sqlState = /SQLState: ([0-9A-Z]{5})/i.exec(message)?.[1]
  if (sqlState) return sqlStateError(source, sqlState, error)
  const failed = (text: string, details = {}) =>
    new KckError('COMPUTE_FAILED', text, { cause: error, details: { source, ...details } })
  switch (nameOf(error)) {
    case 'StatementTimeoutException':
      return new KckError('DEADLINE_EXCEEDED', 'The database stopped the statement: it took longer than its timeout', {
        cause: error,
        details: { source },
      })
    case 'DatabaseResumingException':
      return new KckError('SOURCE_UNAVAILABLE', `The database of the source ${source} was paused and is starting`, {
        cause: error,
        details: { source },
        retryAfterMs: RESUMING_RETRY_AFTER_MS,
      })
    case 'ThrottlingException':
    case 'TooManyRequestsException':
      return new KckError('SOURCE_BUSY', `The source ${source} takes no more requests; try again shortly`, {
        cause: error,
        details: { source },
        retryAfterMs: 1000,
      })
    case 'UnsupportedResultException':
      return failed('The Data API cannot return one of the types of the result: cast it to text or json')
    case 'TransactionNotFoundException':
      return failed('The Data API has ended the transaction: it may be idle for 3 minutes at most')
    case 'BadRequestException':
    case 'DatabaseErrorException':
      return /size limit/i.test(message)
        ? failed('The result is larger than the 1 MiB of the Data API: return less, or read it in pages', {
            limitBytes: 1_048_576,
          })
        : failed('The Data API refused the statement')
    default:
      return unavailable(source, error)
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')

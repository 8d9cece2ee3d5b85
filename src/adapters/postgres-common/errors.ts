import { KckError } from '../../errors.ts'

/** When it is worth trying again after a lost or refused connection. */
const RETRY_AFTER_MS = 1000

/** The error of a statement that PostgreSQL refused or stopped, by its SQLSTATE. */
export function sqlStateError(source: string, sqlState: string, cause: unknown): KckError {
  const details = { source, sqlState }
  if (sqlState === '57014') {
    return new KckError('DEADLINE_EXCEEDED', 'The database stopped the statement: it took longer than its timeout', {
      cause,
      details,
    })
  }
  if (sqlState === '53300' || sqlState === '53400') {
    return new KckError('SOURCE_BUSY', `The source ${source} takes no more connections; try again shortly`, {
      cause,
      details,
      retryAfterMs: RETRY_AFTER_MS,
    })
  }
  if (/^(08|57P|28|3D)/.test(sqlState)) return unavailable(source, cause, { sqlState })
  return new KckError('COMPUTE_FAILED', `The database refused the statement (SQLSTATE ${sqlState})`, { cause, details })
}

export function unavailable(source: string, cause: unknown, details: Readonly<Record<string, unknown>> = {}): KckError {
  return new KckError('SOURCE_UNAVAILABLE', `The source ${source} cannot be reached; try again shortly`, {
    cause,
    details: { source, ...details },
    retryAfterMs: RETRY_AFTER_MS,
  })
}

/** For a transaction whose `commit` got no answer: it may have happened or not. */
export function outcomeUnknown(source: string, cause: unknown): KckError {
  return unavailable(source, cause, { outcome: 'unknown' })
}

/** Five characters with a digit among them: `EPIPE` is none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/

export function sqlStateOf(error: unknown): string | undefined {
  const state = error instanceof KckError ? error.details['sqlState'] : (error as { code?: unknown } | null)?.code
  return typeof state === 'string' && SQLSTATE.test(state) ? state : undefined
}

/** The statement did not run: its prepared form is gone, or from before a schema change. */
export function isStalePlan(error: unknown): boolean {
  if (sqlStateOf(error) === '26000') return true
  const { routine } = ((error as Error | null)?.cause ?? {}) as { routine?: unknown }
  return routine === 'RevalidateCachedQuery'
}

import { errors, types } from 'cassandra-driver'
import { KckError } from '../../errors.ts'

const { responseErrorCodes: codes } = types

/** What an error of the driver says about the statement and about what to do next. */
export type Trouble =
  /** Not executed, and never will be as it stands: a wrong statement, missing tables, no rights. */
  | 'refused'
  /** The server is there and cannot just now: overload, throttling, too few replicas. */
  | 'busy'
  /** No answer: whether it was executed is unknown, and the connection is not to be trusted. */
  | 'silent'

export function troubleOf(error: unknown): Trouble {
  if (error instanceof errors.NoHostAvailableError) {
    const inner = Object.values(error.innerErrors ?? {})
    return inner.length > 0 && inner.every((each) => troubleOf(each) === 'refused') ? 'refused' : 'silent'
  }
  if (error instanceof errors.AuthenticationError) return 'refused'
  if (error instanceof errors.ArgumentError || error instanceof TypeError) return 'refused'
  if (error instanceof errors.ResponseError) return REFUSALS.has(error.code) ? 'refused' : 'busy'
  if (error instanceof errors.BusyConnectionError) return 'busy'
  return 'silent'
}

/** Nothing went out to a server: there was no connection to send it on. */
export function wasUnsent(error: unknown): boolean {
  if (!(error instanceof errors.NoHostAvailableError)) return false
  return Object.values(error.innerErrors ?? {}).every((inner: unknown) => {
    if (inner instanceof errors.ResponseError || inner instanceof errors.OperationTimedOutError) return false
    const { isSocketError, requestNotWritten } = inner as { isSocketError?: boolean; requestNotWritten?: boolean }
    return !isSocketError || requestNotWritten === true
  })
}

/** The connection ended under the statement; a host that is only slow keeps it. */
export function lostConnection(error: unknown): boolean {
  const inner: unknown[] =
    error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors ?? {}) : [error]
  return inner.length > 0 && inner.every((each) => (each as { isSocketError?: boolean } | null)?.isSocketError === true)
}

const REFUSALS: ReadonlySet<number> = new Set([
  codes.badCredentials,
  codes.syntaxError,
  codes.unauthorized,
  codes.invalid,
  codes.configError,
  codes.alreadyExists,
])

/** What we ourselves said while connecting: the driver tells it of each host. */
function ownError(error: unknown): KckError | undefined {
  if (error instanceof KckError) return error
  if (!(error instanceof errors.NoHostAvailableError)) return undefined
  return Object.values(error.innerErrors ?? {}).find((inner: unknown) => inner instanceof KckError)
}

export function storeUnavailable(cause: unknown): KckError {
  const own = ownError(cause)
  if (own) return own
  return troubleOf(cause) === 'refused'
    ? new KckError(
        'STORE_UNAVAILABLE',
        'The store refused a statement. Create its schema, and check its access rights.',
        {
          cause,
        },
      )
    : new KckError('STORE_UNAVAILABLE', 'The store does not answer. Try again shortly.', { cause, retryAfterMs: 1_000 })
}

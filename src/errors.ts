/**
 * The one error class of KCK and the closed list of what can go wrong.
 *
 * `message` is safe to show to a caller: it never holds SQL, a path, a token or a stack. What only an operator may
 * see travels in `cause` (and is logged, never answered). `http/problem.ts` maps a code to its HTTP status.
 */
export type ErrorCode =
  /** The key is not well-formed, or has too many or too few parameters. */
  | 'BAD_KEY'
  /** A parameter's text is not a value of its type; `details.parameter` names it. */
  | 'BAD_PARAMETER'
  /** A header, query or directive cannot be understood. */
  | 'BAD_REQUEST'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'UNKNOWN_PRODUCT'
  | 'UNKNOWN_UPDATER'
  /** The product exists, this key has no value, and nothing may be computed for this request. */
  | 'NOT_SET'
  /** An updater's row does not exist. */
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  /** A conditional write found another version. */
  | 'CONFLICT'
  | 'TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  /** A body or one of its fields is refused; `details.field` names it. */
  | 'INVALID_BODY'
  | 'TOO_MANY_REQUESTS'
  /** The primer threw, or its query failed. Retryable after `retryAfterMs`. */
  | 'COMPUTE_FAILED'
  /** The computed value has no JSON form (a function, NaN, a cycle, ...); `details.path` says where. */
  | 'UNSTORABLE'
  /** Primers read each other in a circle; `details.path` lists the keys. */
  | 'CYCLE'
  | 'STORE_UNAVAILABLE'
  | 'SOURCE_UNAVAILABLE'
  /** The source's budget is used up. */
  | 'SOURCE_BUSY'
  /** The issuer's keys cannot be had, so no token can be judged. */
  | 'AUTH_UNAVAILABLE'
  /** The request's deadline passed. */
  | 'DEADLINE_EXCEEDED'
  /** `only-if-cached`, and nothing acceptable is cached. */
  | 'ONLY_IF_CACHED'
  /** A setting is wrong; refuses the start. */
  | 'INVALID_CONFIG'
  /** A primer or updater file is wrong; refuses the start. */
  | 'INVALID_DEFINITION'
  | 'INTERNAL'

export interface KckErrorOptions {
  /** What the operator needs and the caller must not see. */
  readonly cause?: unknown
  /** Small, safe facts for the caller: `{ parameter: 'customer_id' }`. */
  readonly details?: Readonly<Record<string, unknown>>
  /** When it is worth asking again, in milliseconds from now. */
  readonly retryAfterMs?: number
}

export class KckError extends Error {
  override readonly name = 'KckError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: KckErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Any thrown thing as a `KckError`: itself when it is one, else `INTERNAL` with the thing as its cause. */
export function asKckError(
  thrown: unknown,
  code: ErrorCode = 'INTERNAL',
  message = 'Something went wrong inside KCK',
): KckError {
  return thrown instanceof KckError ? thrown : new KckError(code, message, { cause: thrown })
}

/** The result, or the error as a value, so that one failing key fails alone. */
export async function settle<T>(work: Promise<T> | T): Promise<T | KckError> {
  try {
    return await work
  } catch (error) {
    return asKckError(error)
  }
}

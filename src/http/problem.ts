import type { ErrorCode, KckError } from '../errors.ts'
import type { EdgeResponse, FlatHeaders } from './respond.ts'

export type LogLevel = 'info' | 'warn' | 'error'

interface ProblemKind {
  readonly status: number
  readonly title: string
  readonly level: LogLevel
  /** Seconds to wait when the error itself does not say; missing: no `Retry-After`. */
  readonly retryAfter?: number
}

const refused = (status: number, title: string): ProblemKind => ({ status, title, level: 'info' })
const unavailable = (title: string): ProblemKind => ({ status: 503, title, level: 'warn', retryAfter: 1 })
const broken = (title: string): ProblemKind => ({ status: 500, title, level: 'error' })

/** Every error code's HTTP status, title and log level. */
const kinds: Readonly<Record<ErrorCode, ProblemKind>> = {
  BAD_KEY: refused(400, 'Bad key'),
  BAD_PARAMETER: refused(400, 'Bad parameter'),
  BAD_REQUEST: refused(400, 'Bad request'),
  UNAUTHENTICATED: refused(401, 'Not authenticated'),
  FORBIDDEN: refused(403, 'Forbidden'),
  UNKNOWN_PRODUCT: refused(404, 'Unknown product'),
  UNKNOWN_UPDATER: refused(404, 'Unknown updater'),
  NOT_SET: refused(404, 'Not set'),
  NOT_FOUND: refused(404, 'Not found'),
  METHOD_NOT_ALLOWED: refused(405, 'Method not allowed'),
  NOT_ACCEPTABLE: refused(406, 'Not acceptable'),
  CONFLICT: refused(409, 'Conflict'),
  TOO_LARGE: refused(413, 'Too large'),
  UNSUPPORTED_MEDIA_TYPE: refused(415, 'Unsupported media type'),
  INVALID_BODY: refused(422, 'Invalid body'),
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests', level: 'warn', retryAfter: 1 },
  COMPUTE_FAILED: { ...unavailable('Compute failed'), level: 'error' },
  STORE_UNAVAILABLE: { ...unavailable('Store unavailable'), level: 'error' },
  SOURCE_UNAVAILABLE: { ...unavailable('Source unavailable'), level: 'error' },
  SOURCE_BUSY: unavailable('Source busy'),
  AUTH_UNAVAILABLE: { ...unavailable('Authentication unavailable'), level: 'error' },
  DEADLINE_EXCEEDED: { status: 504, title: 'Deadline exceeded', level: 'warn' },
  ONLY_IF_CACHED: { status: 504, title: 'Not cached', level: 'info' },
  UNSTORABLE: broken('Value cannot be stored'),
  CYCLE: broken('Primers read each other in a circle'),
  INVALID_CONFIG: broken('Invalid configuration'),
  INVALID_DEFINITION: broken('Invalid definition'),
  INTERNAL: broken('Internal error'),
}

/** What is said in place of the message of an error that nobody foresaw. */
const internalDetail = 'Something went wrong inside KCK; the request id finds it in the log'

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
  readonly requestId: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** An error as the body of RFC 9457. */
export function problemOf(error: KckError, requestId: string): Problem {
  const { status, title } = kinds[error.code]
  const hidden = error.code === 'INTERNAL'
  return {
    type: `urn:kck:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: hidden ? internalDetail : error.message,
    code: error.code,
    requestId,
    ...(hidden || Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  }
}

/** Seconds after which it is worth asking again; null: the caller should not. */
function retryAfterSeconds(error: KckError): number | null {
  if (error.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1000))
  return kinds[error.code].retryAfter ?? null
}

const encoder = new TextEncoder()

export function problemResponse(error: KckError, requestId: string, headers: FlatHeaders = []): EdgeResponse {
  const problem = problemOf(error, requestId)
  const body = encoder.encode(JSON.stringify(problem))
  const retryAfter = retryAfterSeconds(error)
  return {
    status: problem.status,
    headers: [
      'content-type',
      'application/problem+json',
      'cache-control',
      'no-store',
      'content-length',
      String(body.byteLength),
      ...(retryAfter === null ? [] : ['retry-after', String(retryAfter)]),
      ...(problem.status === 401 ? ['www-authenticate', 'Bearer realm="kck"'] : []),
      ...headers,
    ],
    body,
    note: { code: error.code, level: kinds[error.code].level, ...(problem.status >= 500 ? { error } : {}) },
  }
}

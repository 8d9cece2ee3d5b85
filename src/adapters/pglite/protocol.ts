import { asKckError, type ErrorCode, KckError } from '../../errors.ts'

/** What a client asks. Values are PostgreSQL's text for them, in the order of `$n`. */
export type Request =
  | { id: number; op: 'query'; text: string; values: (string | null)[]; transaction?: number | undefined }
  | { id: number; op: 'describe'; text: string }
  /** Answered when the transaction has begun; its number is the request's id. */
  | { id: number; op: 'begin' }
  | { id: number; op: 'commit' | 'rollback'; transaction: number }
  | { id: number; op: 'ping' }
  | { id: number; op: 'dump'; file: string }
  /** Nobody waits for request `target` any more, and it is not answered. A transaction is rolled back. */
  | { op: 'abort'; target: number }

export type Reply = { id: number; result: unknown } | { id: number; error: WireError }

export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterMs: number | undefined
  /** The database's own words, for the operator. */
  readonly cause: string | undefined
}

export function toWire(thrown: unknown): WireError {
  const { code, message, details, retryAfterMs, cause } = asKckError(thrown)
  return { code, message, details, retryAfterMs, cause: cause === undefined ? undefined : String(cause) }
}

export function fromWire({ code, message, details, retryAfterMs, cause }: WireError): KckError {
  return new KckError(code, message, {
    details,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  })
}

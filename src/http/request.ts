import { KckError } from '../errors.ts'

/** Header fields in the order received, so that a duplicate is seen and never silently chosen from. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** A request as every adapter (node:http, Lambda) hands it to the edge. */
export interface EdgeRequest {
  readonly method: string
  /** From the leading `/` to before the `?`, still percent-encoded: the edge decodes it, once. */
  readonly rawPath: string
  /** After the `?`, still percent-encoded; empty without one. */
  readonly rawQuery: string
  readonly headers: HeaderList
  /** Repeated in the answer and in the log. */
  readonly requestId: string
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal
  /** The body's bytes, read on demand. Throws `TOO_LARGE` as soon as it is known to exceed `limit` bytes. */
  body(limit: number): Promise<Uint8Array>
}

export function headerValues(headers: HeaderList, name: string): string[] {
  const values: string[] = []
  for (const [other, value] of headers) {
    if (other.length === name.length && other.toLowerCase() === name) values.push(value)
  }
  return values
}

/** The values of a list header (`Accept`, `Cache-Control`, ...) as the one list that they mean; undefined without any. */
export function listHeader(headers: HeaderList, name: string): string | undefined {
  const values = headerValues(headers, name)
  return values.length > 0 ? values.join(', ') : undefined
}

/** The value of a header that may stand once. Throws `BAD_REQUEST` when it is repeated. */
export function singleHeader(headers: HeaderList, name: string): string | undefined {
  const [value, second] = headerValues(headers, name)
  if (second !== undefined) throw new KckError('BAD_REQUEST', `Send the header ${name} once`)
  return value
}

export function tooLarge(limit: number): KckError {
  return new KckError('TOO_LARGE', `The body is larger than ${limit} bytes`, { details: { limit } })
}

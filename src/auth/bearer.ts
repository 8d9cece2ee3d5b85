import { KckError } from '../errors.ts'

/** Characters; a longer token is refused before anything looks into it. */
const maxTokenLength = 8 * 1024

const form = /^Bearer ([A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]+={0,2})$/i

/** What every refused token gets: it never says which check failed, nor repeats anything of the token. */
export function unauthenticated(cause?: unknown): KckError {
  return new KckError('UNAUTHENTICATED', 'A valid bearer token is required', cause === undefined ? {} : { cause })
}

/**
 * The token of a request's `Authorization` header; null when there is no such header. Exactly one header of exactly
 * the form `Bearer <token>` is accepted: with two of them (or two joined by a comma, as API Gateway does it) nobody
 * could say which one another party has checked.
 */
export function bearerToken(authorization: string | readonly string[] | undefined): string | null {
  const values = typeof authorization === 'string' ? [authorization] : (authorization ?? [])
  const [value] = values
  if (value === undefined) return null
  if (values.length > 1 || value.length > maxTokenLength + 'Bearer '.length) throw unauthenticated()
  const token = form.exec(value)?.[1]
  if (token === undefined) throw unauthenticated()
  return token
}

import { KckError } from '../errors.ts'
import { type EdgeRequest, headerValues, singleHeader } from './request.ts'
import type { EdgeResponse, FlatHeaders } from './respond.ts'
import { methodsOf } from './routes.ts'

export interface CorsOptions {
  /** `https://app.example`, exactly as browsers send it; `*` for any page, without credentials. */
  readonly origins: '*' | readonly string[]
  /** Let pages send cookies and certificates. */
  readonly credentials: boolean
  /** Milliseconds for which a browser may remember what it asked. */
  readonly maxAgeMs: number
}

export interface Cors {
  headers(request: EdgeRequest): FlatHeaders
  /** Answers differ by origin, unless every origin gets the same. */
  readonly vary: FlatHeaders
  allows(origin: string): boolean
  /** The answer to a browser's question before the request itself; null when it is none. */
  preflight(request: EdgeRequest): EdgeResponse | null
}

const requestHeaders =
  'authorization, cache-control, content-type, idempotency-key, if-none-match, kck-after, kck-timeout, prefer'
const exposedHeaders =
  'age, cache-status, etag, kck-after, kck-as-of, kck-overlay, kck-request-id, kck-state, kck-version, last-modified, location, retry-after'

/** Cross-origin answers for a list of origins; null (the default) gives no other page's script any access. */
export function createCors(options: CorsOptions | null): Cors | null {
  if (options === null) return null
  const any = options.origins === '*' || options.origins.includes('*')
  const origins = new Set(options.origins)
  const { credentials } = options
  if (any && credentials) {
    throw new KckError(
      'INVALID_CONFIG',
      "cors: origins '*' together with credentials would lend every page the user's rights; list the origins",
    )
  }

  const allows = (origin: string) => any || origins.has(origin)

  function allowed(request: EdgeRequest): string | null {
    const [origin, second] = headerValues(request.headers, 'origin')
    if (origin === undefined || second !== undefined || !allows(origin)) return null
    return any ? '*' : origin
  }

  function headers(request: EdgeRequest): FlatHeaders {
    const origin = allowed(request)
    if (origin === null) return []
    return [
      'access-control-allow-origin',
      origin,
      'access-control-expose-headers',
      exposedHeaders,
      ...(credentials ? ['access-control-allow-credentials', 'true'] : []),
    ]
  }

  return {
    headers,
    vary: any ? [] : ['vary', 'origin'],
    allows,
    preflight(request) {
      const methods = methodsOf(request.rawPath)
      if (request.method !== 'OPTIONS' || methods === null) return null
      if (singleHeader(request.headers, 'access-control-request-method') === undefined) return null
      if (allowed(request) === null) return null
      return {
        status: 204,
        headers: [
          'access-control-allow-methods',
          methods.join(', '),
          'access-control-allow-headers',
          requestHeaders,
          'access-control-max-age',
          String(Math.floor(options.maxAgeMs / 1000)),
        ],
        body: null,
      }
    },
  }
}

/**
 * Refuses a write that a page of another site made a browser send: on the machine of a developer, or inside a network,
 * such a page needs no token to do harm. Programs send neither of these headers.
 */
export function refuseForeignPages(request: EdgeRequest, cors: Cors | null): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const [origin] = headerValues(request.headers, 'origin')
  const [site] = headerValues(request.headers, 'sec-fetch-site')
  if (origin === undefined && site === undefined) return
  if (site === 'same-origin' || site === 'none') return
  if (origin !== undefined && (cors?.allows(origin) || isSameHost(origin, request))) return
  throw new KckError('FORBIDDEN', 'Pages of this origin may not write here; see cors in kck.config.ts')
}

function isSameHost(origin: string, request: EdgeRequest): boolean {
  const [host] = headerValues(request.headers, 'host')
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}

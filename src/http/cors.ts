import { KckError } from '../errors.ts'
import { type EdgeRequest, headerValues, singleHeader } from './request.ts'
import type { EdgeResponse, FlatHeaders } from './respond.ts'
import { methodsOf } from './routes.ts'

export interface CorsOptions {
  /** `https://app.example`, exactly as browsers send it; `*` for any page, without credentials. */
  readonly origins: readonly string[]
  /** Let pages send cookies and certificates. Default false. */
  readonly credentials?: boolean
}

export interface Cors {
  headers(request: EdgeRequest): FlatHeaders
  /** The answer to a browser's question before the request itself; null when it is none. */
  preflight(request: EdgeRequest): EdgeResponse | null
}

const requestHeaders = 'authorization, cache-control, content-type, if-none-match, kck-timeout'
const exposedHeaders =
  'age, cache-status, etag, kck-as-of, kck-request-id, kck-state, kck-version, last-modified, retry-after'

/** Cross-origin answers for a list of origins; null (the default) gives no other page's script any access. */
export function createCors(options: CorsOptions | undefined): Cors | null {
  if (options === undefined || options.origins.length === 0) return null
  const origins = new Set(options.origins)
  const credentials = options.credentials ?? false
  if (origins.has('*') && credentials) {
    throw new KckError(
      'INVALID_CONFIG',
      "cors: origins '*' and credentials together would hand every page the user's rights; list the origins",
    )
  }

  function allowed(request: EdgeRequest): string | null {
    const [origin, second] = headerValues(request.headers, 'origin')
    if (origin === undefined || second !== undefined) return null
    if (origins.has('*')) return '*'
    return origins.has(origin) ? origin : null
  }

  function headers(request: EdgeRequest): FlatHeaders {
    const origin = allowed(request)
    if (origin === null) return ['vary', 'origin']
    return [
      'access-control-allow-origin',
      origin,
      'access-control-expose-headers',
      exposedHeaders,
      ...(origin === '*' ? [] : ['vary', 'origin']),
      ...(credentials ? ['access-control-allow-credentials', 'true'] : []),
    ]
  }

  return {
    headers,
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
          '600',
        ],
        body: null,
      }
    },
  }
}

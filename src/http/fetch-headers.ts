import type { ContentEncoding, Fetched } from '../kck/kck.ts'
import { etagOf } from './conditional.ts'

export interface FetchHeaderOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Anyone may have it, so anyone's cache may keep it. */
  readonly public: boolean
  /** The request's own directives made KCK ask past its cache. */
  readonly forced: boolean
}

/** Seconds a downstream cache may serve it while it asks again, at most. */
const longestStaleWhileRevalidate = 86_400

/**
 * The headers that say what a fetched value is and how old it is, as a flat list without the body's own. `Age` counts
 * from `asOf`, so `max-age` is the whole soft TTL, and what is left of it is what HTTP makes of the two.
 */
export function fetchHeaders(fetched: Fetched, options: FetchHeaderOptions): string[] {
  return [
    'etag',
    etagOf(fetched),
    'last-modified',
    new Date(fetched.modified).toUTCString(),
    'age',
    String(ageSeconds(fetched, options.now)),
    'cache-control',
    cacheControl(fetched, options.public),
    'cache-status',
    cacheStatus(fetched, options),
    'vary',
    // What was kept for somebody who has written nothing is not for somebody who has.
    options.public ? 'accept-encoding, kck-after' : 'accept-encoding, authorization, kck-after',
    'kck-version',
    String(fetched.version),
    'kck-state',
    fetched.state,
    'kck-as-of',
    new Date(fetched.asOf).toISOString(),
    ...(fetched.overlaid === undefined ? [] : ['kck-overlay', String(fetched.overlaid)]),
  ]
}

/** The headers of the body; none of them belongs into a 304. */
export function bodyHeaders(encoding: ContentEncoding, length: number): string[] {
  const headers = ['content-type', 'application/json', 'content-length', String(length)]
  if (encoding !== 'identity') headers.push('content-encoding', encoding)
  return headers
}

export function ageSeconds(fetched: Fetched, now: number): number {
  return Math.max(0, Math.floor((now - fetched.asOf) / 1000))
}

/**
 * A fresh value with a soft TTL may be kept for it. Anything else may be kept but must be asked for again, which costs a
 * 304: a change, of which no downstream cache hears, is what ends it.
 */
function cacheControl(fetched: Fetched, isPublic: boolean): string {
  const scope = isPublic ? 'public' : 'private'
  const { asOf, softExpiresAt, hardExpiresAt } = fetched
  // What a waiting write shows may be taken back.
  if (fetched.state !== 'fresh' || softExpiresAt === null || fetched.overlaid !== undefined) return `${scope}, no-cache`
  const maxAge = Math.max(0, Math.floor((softExpiresAt - asOf) / 1000))
  const graceMs = (hardExpiresAt ?? Number.POSITIVE_INFINITY) - softExpiresAt
  const grace = Math.min(longestStaleWhileRevalidate, Math.floor(graceMs / 1000))
  return grace > 0 ? `${scope}, max-age=${maxAge}, stale-while-revalidate=${grace}` : `${scope}, max-age=${maxAge}`
}

/** RFC 9211. `detail` is the tier that answered; the key is canonical, hence plain ASCII without quotes. */
function cacheStatus(fetched: Fetched, { now, forced }: FetchHeaderOptions): string {
  const key = `key="${fetched.key.replaceAll(/[^\x20-\x7e]|["\\]/g, '?')}"`
  const ttl = fetched.softExpiresAt === null ? '' : `; ttl=${Math.floor((fetched.softExpiresAt - now) / 1000)}`
  if (fetched.from === 'compute') {
    const collapsed = fetched.collapsed ? '; collapsed' : ''
    return `kck; fwd=${forced ? 'request' : 'miss'}; stored${collapsed}${ttl}; ${key}`
  }
  return `kck; hit${ttl}; ${key}; detail=${fetched.from}`
}

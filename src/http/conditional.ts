import type { Fetched } from '../kck/kck.ts'

/** Weak, because one tag stands for every content encoding of the body. */
export function etagOf(fetched: Pick<Fetched, 'contentHash' | 'version'>): string {
  return `W/"${fetched.contentHash}.${fetched.version.toString(36)}"`
}

/** Whether the caller already has this body (RFC 9110, 13.2.2): `If-None-Match` decides alone where it is given. */
export function isNotModified(
  condition: { readonly ifNoneMatch: string | undefined; readonly ifModifiedSince: string | undefined },
  etag: string,
  modified: number,
): boolean {
  if (condition.ifNoneMatch !== undefined) return matchesEtag(condition.ifNoneMatch, etag)
  if (condition.ifModifiedSince === undefined) return false
  const since = Date.parse(condition.ifModifiedSince)
  return !Number.isNaN(since) && Math.floor(modified / 1000) * 1000 <= since
}

/** Weak comparison against a list of tags, or `*`. */
function matchesEtag(header: string, etag: string): boolean {
  if (header === etag) return true
  if (header.trim() === '*') return true
  const opaque = etag.replace(/^W\//, '')
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => tag.replace(/^W\//, '') === opaque)
}

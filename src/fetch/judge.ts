import type { Freshness } from '../entry/freshness.ts'
import type { FetchRequest } from '../kck/kck.ts'

/**
 * Whether an entry may answer a request. `serve-and-refresh`: it may, and should be made anew behind (RFC 5861
 * stale-while-revalidate). `compute`: only a newer value may.
 *
 * A value whose sources were read after the request began is as new as can be had, so it always may.
 */
export type Verdict = 'serve' | 'serve-and-refresh' | 'compute'

export function judge(freshness: Freshness, request: FetchRequest, startedAt: number, now: number): Verdict {
  if (freshness.state === 'missing') return 'compute'
  const served = freshness.state === 'fresh' ? 'serve' : 'serve-and-refresh'
  if (freshness.value.asOf > startedAt) return served
  if (request.noCache || now - freshness.value.asOf > (request.maxAgeMs ?? Number.POSITIVE_INFINITY)) return 'compute'
  if (freshness.state === 'fresh') return staysFresh(freshness.value.softExpiresAt, request, now) ? served : 'compute'
  if (request.minFreshMs !== undefined) return 'compute'
  return now - freshness.since < (request.maxStaleMs ?? Number.POSITIVE_INFINITY) ? served : 'compute'
}

function staysFresh(softExpiresAt: number | null, request: FetchRequest, now: number): boolean {
  return request.minFreshMs === undefined || softExpiresAt === null || softExpiresAt - now >= request.minFreshMs
}

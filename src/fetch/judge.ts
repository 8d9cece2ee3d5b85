import type { Freshness } from '../entry/freshness.ts'
import type { FetchRequest } from '../kck/kck.ts'

/**
 * Whether an entry may answer a request. `serve-and-refresh`: it may, and should be made anew behind (RFC 5861
 * stale-while-revalidate). `compute`: only a newer value may.
 *
 * A value whose sources were read after the request began is within any bound on its age. Whether it has seen a change
 * is another matter, on which clocks, which differ, have no say.
 */
export type Verdict = 'serve' | 'serve-and-refresh' | 'compute'

export function judge(freshness: Freshness, request: FetchRequest, startedAt: number, now: number): Verdict {
  if (freshness.state === 'missing') return 'compute'
  const { asOf, softExpiresAt } = freshness.value
  const isYoung = asOf > startedAt || (!request.noCache && now - asOf <= (request.maxAgeMs ?? Number.POSITIVE_INFINITY))
  if (!isYoung) return 'compute'
  if (freshness.state === 'fresh') {
    return asOf > startedAt || staysFresh(softExpiresAt, request, now) ? 'serve' : 'compute'
  }
  if (request.minFreshMs !== undefined) return 'compute'
  const staleMs = Math.max(0, now - freshness.since)
  return staleMs < (request.maxStaleMs ?? Number.POSITIVE_INFINITY) ? 'serve-and-refresh' : 'compute'
}

function staysFresh(softExpiresAt: number | null, request: FetchRequest, now: number): boolean {
  return request.minFreshMs === undefined || softExpiresAt === null || softExpiresAt - now >= request.minFreshMs
}

import type { Auth } from '../auth/auth.ts'
import type { FetchRequest, Kck } from '../kck/kck.ts'
import type { Activity } from '../operate/activity.ts'
import type { Clock } from '../ports/clock.ts'
import type { LargeBodies } from '../ports/large-bodies.ts'
import type { Claims } from '../primer/definition.ts'
import { parseCacheControl, queryDirectives } from './cache-control.ts'
import type { DeadlineOptions } from './deadline.ts'
import { parseQuery } from './query.ts'
import { type EdgeRequest, listHeader } from './request.ts'
import type { EdgeResponse } from './respond.ts'
import type { Route } from './routes.ts'

export interface EdgeLimits extends DeadlineOptions {
  /** Bytes of a request body. Default 1 MiB. */
  readonly bodyBytes: number
  /** Keys of one `POST /fetch`. Default 100. */
  readonly keysPerRequest: number
  /** Bytes of values that one `POST /fetch` gives, before encoding. Default 32 MiB. */
  readonly manyBytes: number
  /** Bytes of a body, as encoded, above which its reader is sent elsewhere. Default: as many as there are. */
  readonly answerBytes: number
}

/** What the edge needs of the core. */
export type EdgeKck = Pick<
  Kck,
  | 'registry'
  | 'fetch'
  | 'fetchMany'
  | 'invalidate'
  | 'purge'
  | 'refresh'
  | 'update'
  | 'changed'
  | 'health'
  | 'operate'
  | 'writes'
>

/** What the routes stand on. */
export interface EdgeContext {
  readonly kck: EdgeKck
  readonly clock: Clock
  readonly auth: Auth
  readonly limits: EdgeLimits
  readonly largeBodies: LargeBodies | null
  readonly consoleFolder: string | null
  readonly activity: Pick<Activity, 'state'> | null
}

/** One request under way: routed and authenticated. */
export interface Exchange {
  readonly request: EdgeRequest
  readonly route: Route
  readonly claims: Claims | null
  readonly deadline: number
  /** Aborts when the caller is gone or the deadline has passed. */
  readonly signal: AbortSignal
}

export type Handler = (context: EdgeContext, exchange: Exchange) => Promise<EdgeResponse>

/** What the caller asks of the answer: directives from the header, those of the query above them, and the deadline. */
export function fetchRequestOf({ request, deadline, signal }: Exchange): FetchRequest {
  const after = listHeader(request.headers, 'kck-after')
  return {
    ...(after === undefined ? {} : { after }),
    ...parseCacheControl(listHeader(request.headers, 'cache-control')),
    ...queryDirectives(parseQuery(request.rawQuery)),
    deadline,
    signal,
  }
}

/** Whether the caller's directives may have made KCK ask past what it had (RFC 9211: `fwd=request`). */
export function isForced(request: FetchRequest): boolean {
  return request.noCache === true || request.maxAgeMs !== undefined || request.minFreshMs !== undefined
}

import type { Auth } from '../auth/auth.ts'
import { asKckError, KckError } from '../errors.ts'
import type { Activity } from '../operate/activity.ts'
import type { Clock } from '../ports/clock.ts'
import type { LargeBodies } from '../ports/large-bodies.ts'
import type { Origin } from '../ports/refresh-queue.ts'
import type { ProductKey } from '../primer/registry.ts'
import { continuing, inSpan } from '../trace/trace.ts'
import { isPublic } from './access.ts'
import { defaultBodyLimit } from './body.ts'
import { invalidateRoute, updateRoute } from './change-route.ts'
import { changedRoute } from './changed-route.ts'
import { type CorsOptions, createCors, refuseForeignPages } from './cors.ts'
import { createDeadlines, deadlineOf } from './deadline.ts'
import { compressed } from './encode.ts'
import type { EdgeContext, EdgeKck, EdgeLimits, Handler } from './exchange.ts'
import { fetchManyRoute } from './fetch-many-route.ts'
import { fetchRoute, refreshRoute } from './fetch-route.ts'
import { acceptsJson } from './negotiate.ts'
import { openApiOf } from './openapi.ts'
import { operateHandlers } from './operate-routes.ts'
import { problemResponse } from './problem.ts'
import { type EdgeRequest, headerValues, listHeader } from './request.ts'
import type { RequestLogEntry } from './request-log.ts'
import { type EdgeResponse, jsonResponse, withHeaders, withoutBody } from './respond.ts'
import { type RouteName, route } from './routes.ts'
import { discardWriteRoute, retryWriteRoute, writeRoute, writesRoute } from './write-routes.ts'

export interface EdgeOptions {
  readonly kck: EdgeKck
  readonly clock: Clock
  readonly auth: Auth
  readonly limits?: Partial<EdgeLimits>
  /** For bodies over `limits.answerBytes`. Default: none, and they are refused. */
  readonly largeBodies?: LargeBodies | null
  /** The folder of the console's page. Default: none. */
  readonly consoleFolder?: string | null
  /** What the console shows of what happens. Default: nothing. */
  readonly activity?: Pick<Activity, 'state'> | null
  /** Default: no other origin's pages get anything. */
  readonly cors?: CorsOptions | null
  /** Called once for every request. */
  readonly log?: (entry: RequestLogEntry) => void
}

/** HTTP over the core, whatever carries it: one request in, one response out, never a throw. */
export interface Edge {
  handle(request: EdgeRequest): Promise<EdgeResponse>
  /** The key that `GET` of this path reads, or null: for the server's hot path, which keeps it. */
  keyOf(rawPath: string): ProductKey | null
  /** Whether anybody may read it now. */
  isPublic(key: ProductKey): boolean
  /** Headers of every answer that depend neither on the request nor on the time. */
  readonly commonHeaders: readonly string[]
  readonly log: ((entry: RequestLogEntry) => void) | null
}

const defaultLimits: EdgeLimits = {
  deadlineMs: 5_000,
  maxDeadlineMs: 30_000,
  bodyBytes: defaultBodyLimit,
  keysPerRequest: 100,
  manyBytes: 32 * 1024 * 1024,
  answerBytes: Number.POSITIVE_INFINITY,
}

const healthRoute: Handler = async ({ kck }, { signal }) => {
  const health = await kck.health({ signal })
  return jsonResponse(health.ok ? 200 : 503, health, health.ok ? undefined : { level: 'warn' })
}

export function createEdge(options: EdgeOptions): Edge {
  const { kck, clock, auth, log } = options
  const cors = createCors(options.cors ?? null)
  const commonHeaders = ['x-content-type-options', 'nosniff', ...(cors?.vary ?? [])]
  const limits = { ...defaultLimits, ...options.limits }
  // A deployment that gives every request more than the default ceiling means it.
  const maxDeadlineMs = options.limits?.maxDeadlineMs ?? Math.max(limits.maxDeadlineMs, limits.deadlineMs)
  const manyBytes = Math.min(limits.manyBytes, limits.answerBytes)
  const { largeBodies = null, consoleFolder = null, activity = null } = options
  const context: EdgeContext = {
    kck,
    clock,
    auth,
    limits: { ...limits, maxDeadlineMs, manyBytes },
    largeBodies,
    consoleFolder,
    activity,
  }
  const deadlines = createDeadlines(clock)
  let description: EdgeResponse | undefined
  const openApiRoute: Handler = (_, { request }) => {
    description ??= jsonResponse(200, openApiOf(kck.registry, auth))
    return compressed(description, request.headers)
  }
  const handlers: Readonly<Record<RouteName, Handler>> = {
    fetch: fetchRoute,
    'fetch-many': fetchManyRoute,
    invalidate: invalidateRoute,
    update: updateRoute,
    changed: changedRoute,
    refresh: refreshRoute,
    ...operateHandlers,
    write: writeRoute,
    'retry-write': retryWriteRoute,
    'discard-write': discardWriteRoute,
    writes: writesRoute,
    openapi: openApiRoute,
    health: healthRoute,
  }

  /** Route, authenticate, then the route's own: parse, authorise, call, respond. */
  async function answer(request: EdgeRequest): Promise<EdgeResponse> {
    const preflight = cors?.preflight(request)
    if (preflight) return preflight
    const found = route(request.method, request.rawPath)
    refuseForeignPages(request, cors)
    const deadline = deadlineOf(request.headers, clock.now(), context.limits)
    return deadlines.run(deadline, request.signal, async (signal) => {
      const claims = await auth.authenticate(headerValues(request.headers, 'authorization'))
      if (found.name !== 'console' && !acceptsJson(listHeader(request.headers, 'accept'))) {
        throw new KckError('NOT_ACCEPTABLE', 'Accept leaves out application/json, which is all there is')
      }
      return handlers[found.name](context, { request, route: found, claims, deadline, signal })
    })
  }

  async function respond(request: EdgeRequest): Promise<EdgeResponse> {
    const began = clock.now()
    const made = await answer(request).catch((thrown: unknown) => refuse(request, thrown))
    const headers = [...commonHeaders, 'kck-request-id', request.requestId, ...(cors?.headers(request) ?? [])]
    const response = withHeaders(request.method === 'HEAD' ? withoutBody(made) : made, headers)
    log?.(logEntry(request, response, began, clock.now()))
    return response
  }

  const isPublicKey = ({ primer, parameters }: ProductKey) =>
    isPublic(auth, { access: primer.access, types: primer.parameters, parameters })

  return {
    handle: (request) => traced(request, respond),
    keyOf: (rawPath) => keyIn(kck.registry, rawPath),
    isPublic: isPublicKey,
    commonHeaders,
    log: log ?? null,
  }
}

function refuse(request: EdgeRequest, thrown: unknown): EdgeResponse {
  if (request.signal.aborted) return { status: 499, headers: [], body: null, note: { code: 'CALLER_GONE' } }
  const error = asKckError(thrown)
  const { allow } = error.details
  return problemResponse(error, request.requestId, Array.isArray(allow) ? ['allow', allow.join(', ')] : [])
}

function keyIn(registry: EdgeKck['registry'], rawPath: string): ProductKey | null {
  try {
    const found = route('GET', rawPath)
    return found.name === 'fetch' ? registry.parseKey(found.rest) : null
  } catch {
    return null
  }
}

function traced(request: EdgeRequest, respond: (request: EdgeRequest) => Promise<EdgeResponse>): Promise<EdgeResponse> {
  const attributes = { 'http.request.method': request.method }
  return continuing(originOf(request), () =>
    inSpan('kck request', { kind: 'server', attributes }, async (span) => {
      const response = await respond(request)
      span.setAttribute('http.response.status_code', response.status)
      if (response.note?.key !== undefined) span.setAttribute('kck.key', response.note.key)
      return response
    }),
  )
}

/** A caller that traces says so in its headers. */
function originOf({ headers, requestId }: EdgeRequest): Origin {
  const [traceparent] = headerValues(headers, 'traceparent')
  if (traceparent === undefined) return { requestId }
  const tracestate = listHeader(headers, 'tracestate')
  return { requestId, trace: { traceparent, ...(tracestate === undefined ? {} : { tracestate }) } }
}

function logEntry(request: EdgeRequest, response: EdgeResponse, began: number, now: number): RequestLogEntry {
  const { key, code, level = 'info', error } = response.note ?? {}
  return {
    level,
    time: now,
    requestId: request.requestId,
    method: request.method,
    path: request.rawPath,
    status: response.status,
    ms: now - began,
    bytes: response.body?.byteLength ?? 0,
    ...(key === undefined ? {} : { key }),
    ...(code === undefined ? {} : { code }),
    ...(error === undefined ? {} : { error }),
  }
}

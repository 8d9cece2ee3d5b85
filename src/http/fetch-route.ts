import type { Fetched } from '../kck/kck.ts'
import { isPublic } from './access.ts'
import { noSubject } from './change-route.ts'
import { etagOf, isNotModified } from './conditional.ts'
import { negotiateEncoding } from './encode.ts'
import { type EdgeContext, type Exchange, fetchRequestOf, type Handler, isForced } from './exchange.ts'
import { bodyHeaders, fetchHeaders } from './fetch-headers.ts'
import { answerElsewhere } from './large-answer.ts'
import { listHeader, singleHeader } from './request.ts'
import type { EdgeResponse } from './respond.ts'

/** `GET /fetch/{key}`: parse, authorise, read, answer. */
export const fetchRoute: Handler = async (context, exchange) => {
  const key = context.kck.registry.parseKey(exchange.route.rest)
  const { primer } = key
  const subject = { types: primer.parameters, parameters: key.parameters }
  context.auth.authorize('fetch', primer.access, exchange.claims, subject)
  const asked = fetchRequestOf(exchange)
  const fetched = await context.kck.fetch(key.text, asked)
  return respondFetched(context, exchange, fetched, {
    public: isPublic(context.auth, { access: primer.access, ...subject }),
    forced: isForced(asked),
  })
}

/** `POST /refresh/{key}`: compute now, and answer like a fetch. */
export const refreshRoute: Handler = async (context, exchange) => {
  context.auth.authorize('admin', null, exchange.claims, noSubject)
  const key = context.kck.registry.parseKey(exchange.route.rest)
  const fetched = await context.kck.refresh(key.text, { deadline: exchange.deadline, signal: exchange.signal })
  return respondFetched(context, exchange, fetched, { public: false, forced: true })
}

async function respondFetched(
  context: EdgeContext,
  exchange: Exchange,
  fetched: Fetched,
  options: { readonly public: boolean; readonly forced: boolean },
): Promise<EdgeResponse> {
  const { request } = exchange
  const headers = fetchHeaders(fetched, { now: context.clock.now(), ...options })
  const note = { key: fetched.key }
  if (request.method !== 'POST') {
    const condition = {
      ifNoneMatch: listHeader(request.headers, 'if-none-match'),
      ifModifiedSince: singleHeader(request.headers, 'if-modified-since'),
    }
    if (isNotModified(condition, etagOf(fetched), fetched.modified)) return { status: 304, headers, body: null, note }
  }
  let encoding = negotiateEncoding(request.headers, fetched.body.encoding)
  const { answerBytes } = context.limits
  // What was not worth compressing may be so now.
  if (encoding === 'identity' && fetched.body.length > answerBytes)
    encoding = negotiateEncoding(request.headers, 'gzip')
  const body = await fetched.body.bytes(encoding)
  if (body.byteLength > answerBytes) {
    return answerElsewhere(context, exchange, { fetched, encoding, bytes: body }, headers)
  }
  return { status: 200, headers: [...bodyHeaders(encoding, body.byteLength), ...headers], body, note }
}

import { KckError } from '../errors.ts'
import type { ActivityState } from '../operate/activity.ts'
import type { KeyQuery } from '../operate/contract.ts'
import { listProducts } from '../operate/products.ts'
import { readBody } from './body.ts'
import { noSubject } from './change-route.ts'
import { consoleFile } from './console-route.ts'
import { compressed } from './encode.ts'
import type { EdgeContext, Exchange, Handler } from './exchange.ts'
import { parseQuery } from './query.ts'
import { jsonResponse } from './respond.ts'

/** What an operator asks; all of it needs what invalidating needs. */
const forOperators =
  (
    answer: (context: EdgeContext, exchange: Exchange) => Promise<{ readonly value: unknown; readonly key?: string }>,
  ): Handler =>
  async (context, exchange) => {
    context.auth.authorize('admin', null, exchange.claims, noSubject)
    const { value, key } = await answer(context, exchange)
    const response = jsonResponse(200, value, key === undefined ? undefined : { key })
    return compressed(response, exchange.request.headers)
  }

/** `GET /explain/{key}` */
const explainRoute = forOperators(async ({ kck }, { route, signal }) => {
  const value = await kck.operate.explain(route.rest, { signal })
  return { value, key: value.key }
})

/** `GET /operate/activity`: what happened since this process began. */
const activityRoute = forOperators(async ({ activity }) => ({ value: activity?.state ?? nothing }))

/** `GET /operate/products?search=...&offset=...&limit=...` */
const productsRoute = forOperators(async ({ kck, clock, activity }, { request }) => {
  const query = parseQuery(request.rawQuery, new Set(['search', 'offset', 'limit']))
  const search = query.get('search') ?? ''
  const offset = Number(query.get('offset') ?? 0)
  if (!Number.isSafeInteger(offset) || offset < 0) throw new KckError('BAD_REQUEST', 'offset is a number from 0 on')
  const counted = (activity?.state ?? nothing).products
  const page = listProducts(kck.registry, counted, { search, offset, limit: limitOf(query) }, clock.now())
  return { value: page }
})

const nothing: ActivityState = { products: {}, runs: {}, budgets: {}, events: [] }

/** The console's page; for everybody, since it holds no data. */
const consoleRoute: Handler = async ({ consoleFolder }, { request }) => {
  const answer = consoleFolder && (await consoleFile(consoleFolder, request.rawPath.slice('/console'.length)))
  if (!answer) throw new KckError('NOT_FOUND', 'There is no such page; npm run build-console makes the console')
  return compressed(answer, request.headers)
}

/** `GET /operate/keys?primer=...&limit=...&after=...` */
const keysRoute = forOperators(async ({ kck }, exchange) => {
  return { value: await kck.operate.keys(keyQuery(exchange), { signal: exchange.signal }) }
})

/** `GET /operate/dump?primer=...&limit=...&after=...` */
const dumpRoute = forOperators(async ({ kck }, exchange) => {
  return { value: await kck.operate.dump(keyQuery(exchange), { signal: exchange.signal }) }
})

/** `POST /operate/load` with `{"entries": [...]}`, as dumped. */
const loadRoute = forOperators(async ({ kck, limits }, { request, signal }) => {
  const { fields } = await readBody(request, limits.bodyBytes)
  const { entries } = fields
  if (!Array.isArray(entries)) throw new KckError('INVALID_BODY', 'Give the entries as {"entries": [...]}')
  return { value: { loaded: await kck.operate.load(entries, { signal }) } }
})

/** `GET /operate/graph` */
const graphRoute = forOperators(async ({ kck }, { signal }) => ({ value: await kck.operate.graph({ signal }) }))

/** `GET /operate/queue?limit=...` */
const queueRoute = forOperators(async ({ kck }, { request, signal }) => {
  const limit = limitOf(parseQuery(request.rawQuery, new Set(['limit'])))
  return { value: await kck.operate.backlog({ limit, signal }) }
})

/** `POST /operate/discard/{key}` */
const discardRoute = forOperators(async ({ kck }, { route, signal }) => {
  const { text: key } = kck.registry.parseKey(route.rest)
  return { value: { key, discarded: await kck.operate.discard(key, { signal }) }, key }
})

function keyQuery({ request }: Exchange): KeyQuery {
  const query = parseQuery(request.rawQuery, new Set(['primer', 'limit', 'after']))
  const primer = query.get('primer')
  if (primer === undefined) throw new KckError('BAD_REQUEST', 'Say of which product: ?primer=name')
  const after = query.get('after')
  return { primer, limit: limitOf(query), ...(after === undefined ? {} : { after }) }
}

const defaultLimit = 100
const largestLimit = 1_000

function limitOf(query: ReadonlyMap<string, string>): number {
  const text = query.get('limit')
  if (text === undefined) return defaultLimit
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= largestLimit) return Number(text)
  throw new KckError('BAD_REQUEST', `limit is a number from 1 to ${largestLimit}`, { details: { parameter: 'limit' } })
}

export const operateHandlers = {
  console: consoleRoute,
  activity: activityRoute,
  products: productsRoute,
  explain: explainRoute,
  keys: keysRoute,
  graph: graphRoute,
  queue: queueRoute,
  discard: discardRoute,
  dump: dumpRoute,
  load: loadRoute,
}

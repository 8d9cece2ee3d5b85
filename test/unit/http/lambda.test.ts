import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { MAX_ANSWER_BYTES } from '../../../functions/http-event.ts'
import { createHttpHandler } from '../../../functions/http-handler.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { KckError } from '../../../src/errors.ts'
import { createEdge } from '../../../src/http/edge.ts'
import type { RequestLogEntry } from '../../../src/http/request-log.ts'
import type { LargeBodies, LargeBody } from '../../../src/ports/large-bodies.ts'
import { createFakeKck } from '../../support/fake-kck.ts'
import { openAuth } from '../../support/http-auth.ts'

const kck = createFakeKck({ clock: systemClock })
const links: LargeBody[] = []
const largeBodies: LargeBodies = {
  link: async (body) => {
    links.push(body)
    return `https://bucket.example/${body.name}?signed`
  },
  close: async () => {},
}
const limits = { answerBytes: MAX_ANSWER_BYTES }
const edge = createEdge({ kck, clock: systemClock, auth: openAuth, limits })
const edgeWithBucket = createEdge({ kck, clock: systemClock, auth: openAuth, limits, largeBodies })
const context = { awsRequestId: 'lambda-1' } as Context

function event(rawPath: string, over: object = {}): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    rawPath,
    rawQueryString: '',
    headers: {},
    isBase64Encoded: false,
    requestContext: {
      domainName: 'x.execute-api.eu-central-1.amazonaws.com',
      stage: '$default',
      requestId: 'gateway-1',
      http: { method: 'GET' },
    },
    ...over,
  } as APIGatewayProxyEventV2
}

async function invoke(one: APIGatewayProxyEventV2, through = edge) {
  const { body = '', ...result } = await createHttpHandler(() => Promise.resolve(through))(one, context)
  return { ...result, json: result.isBase64Encoded || body === '' ? undefined : JSON.parse(body), body }
}

describe('an event', () => {
  const domain = (domainName: string, stage = '$default') => ({
    requestContext: { domainName, stage, requestId: 'r', http: { method: 'GET' } },
  })
  const httpApi = domain('x.execute-api.eu-central-1.amazonaws.com')
  const functionUrl = domain('x.lambda-url.eu-central-1.on.aws')

  test.each([
    // What the client wrote, decoded by the HTTP API or left as it was by the Function URL: the same value.
    ['/fetch/by_name/ä b', httpApi, 'ä b'],
    ['/fetch/by_name/%C3%A4%20b', functionUrl, 'ä b'],
    ['/fetch/by_name/100%', httpApi, '100%'],
    ['/fetch/by_name/100%25', functionUrl, '100%'],
    ['/fetch/by_name/a%2Fb', httpApi, 'a%2Fb'],
    ['/fetch/by_name/a%2Fb', functionUrl, 'a/b'],
    ['/prod/fetch/by_name/x', domain('x.execute-api.eu-central-1.amazonaws.com', 'prod'), 'x'],
  ])('%s: its key is decoded exactly once in total', async (path, over, name) => {
    const { statusCode, json } = await invoke(event(path, over))
    expect({ statusCode, value: json.value }).toEqual({ statusCode: 200, value: { name } })
  })

  test('a separator that the HTTP API has decoded is an error, never another key', async () => {
    expect(await invoke(event('/fetch/by_name/a/b', httpApi))).toMatchObject({
      statusCode: 400,
      json: { code: 'BAD_KEY' },
    })
  })

  test('its body may be base64, and must then be', async () => {
    const put = { ...httpApi, isBase64Encoded: true, headers: { 'content-type': 'application/json' } }
    put.requestContext = { ...put.requestContext, http: { method: 'PUT' } }
    const body = Buffer.from('{"name":"ä"}').toString('base64')
    expect((await invoke(event('/update/customer/7', { ...put, body }))).statusCode).toBe(200)
    expect(kck.updates.at(-1)).toEqual({ key: 'customer/7', body: { name: 'ä' } })
    const bad = await invoke(event('/update/customer/7', { ...put, body: 'not base64 !!' }))
    expect(bad).toMatchObject({ statusCode: 422, json: { code: 'INVALID_BODY' } })
  })

  test('binary answers are base64', async () => {
    const { isBase64Encoded, headers } = await invoke(
      event('/fetch/big/5000', { headers: { 'accept-encoding': 'gzip, identity;q=0' } }),
    )
    expect({ isBase64Encoded, encoding: headers?.['content-encoding'] }).toEqual({
      isBase64Encoded: true,
      encoding: 'gzip',
    })
  })

  test('what Lambda cannot carry is said, not tried', async () => {
    const { statusCode, json } = await invoke(event('/fetch/big/4400000'))
    expect({ statusCode, code: json.code }).toEqual({ statusCode: 413, code: 'TOO_LARGE' })
    expect((await invoke(event('/fetch/big/4300000'))).statusCode).toBe(200)
  })

  test('of what Lambda can carry nothing comes to more than it takes', async () => {
    const { statusCode, ...result } = await invoke(event('/fetch/big/4399800'))
    expect(statusCode).toBe(200)
    expect(Buffer.byteLength(JSON.stringify({ ...result, json: undefined }))).toBeLessThan(6_000_000)
  })

  test('a large value is answered compressed where that is enough', async () => {
    links.length = 0
    const gzip = { headers: { 'accept-encoding': 'gzip' } }
    const { statusCode, headers } = await invoke(event('/fetch/big/6000000', gzip), edgeWithBucket)
    expect({ statusCode, encoding: headers?.['content-encoding'], links }).toEqual({
      statusCode: 200,
      encoding: 'gzip',
      links: [],
    })
  })

  test('else its reader is sent to a link that nobody may keep', async () => {
    links.length = 0
    const { statusCode, headers, body } = await invoke(event('/fetch/big/6000001'), edgeWithBucket)
    expect({ statusCode, body, cacheControl: headers?.['cache-control'] }).toEqual({
      statusCode: 303,
      body: '',
      cacheControl: 'no-store',
    })
    const [link] = links
    expect(headers?.['location']).toBe(`https://bucket.example/${link?.name}?signed`)
    expect(JSON.parse(String(Buffer.from(link?.bytes ?? [])))).toMatchObject({ key: 'big/6000001' })
    // Who has it already needs no link.
    const held = event('/fetch/big/6000001', { headers: { 'if-none-match': headers?.['etag'] } })
    expect((await invoke(held, edgeWithBucket)).statusCode).toBe(304)
    expect(links.length).toBe(1)
  })

  test('HEAD tells its size and makes no link', async () => {
    links.length = 0
    const head = event('/fetch/big/6000001')
    head.requestContext = { ...head.requestContext, http: { ...head.requestContext.http, method: 'HEAD' } }
    const { statusCode, headers } = await invoke(head, edgeWithBucket)
    expect({ statusCode, links }).toEqual({ statusCode: 200, links: [] })
    expect(Number(headers?.['content-length'])).toBeGreaterThan(6_000_000)
  })

  test('many values together stay below it too', async () => {
    const post = event('/fetch', { headers: { 'content-type': 'application/json' } })
    post.requestContext = { ...post.requestContext, http: { ...post.requestContext.http, method: 'POST' } }
    post.body = JSON.stringify({ keys: ['big/3000000', 'big/3000001', 'by_name/x'] })
    const { statusCode, body } = await invoke(post, edgeWithBucket)
    const { results } = JSON.parse(String(Buffer.from(body, 'base64')))
    expect({ statusCode, each: results.map((one: { status: number }) => one.status) }).toEqual({
      statusCode: 200,
      each: [200, 413, 200],
    })
  })
})

describe('a function that cannot serve', () => {
  const failing = async (error: unknown, one = event('/fetch/by_name/x')) => {
    const log: RequestLogEntry[] = []
    const handler = createHttpHandler(
      () => Promise.reject(error),
      (entry) => log.push(entry),
    )
    const { statusCode, body = '' } = await handler(one, context)
    return { statusCode, body, log }
  }

  test('says so without its reason, which is logged', async () => {
    const error = new KckError('INVALID_CONFIG', 'password=hunter2 in /var/task')
    const { statusCode, body, log } = await failing(error)
    expect(statusCode).toBe(500)
    expect(body).not.toMatch(/hunter2|var/)
    expect(JSON.parse(body).requestId).toBe('lambda-1')
    expect(log).toMatchObject([{ level: 'error', status: 500, error }])
  })

  test('may be asked again where that can help', async () => {
    const { statusCode, body } = await failing(new KckError('STORE_UNAVAILABLE', 'x'))
    expect({ statusCode, code: JSON.parse(body).code }).toEqual({ statusCode: 503, code: 'STORE_UNAVAILABLE' })
  })

  test('refuses events of another format', async () => {
    const { statusCode, log } = await failing(new Error('not reached'), { ...event('/x'), version: '1.0' })
    expect(statusCode).toBe(500)
    expect(log).toMatchObject([{ error: { code: 'INVALID_CONFIG' } }])
  })
})

import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { createHttpHandler } from '../../../functions/http-handler.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { KckError } from '../../../src/errors.ts'
import { createEdge } from '../../../src/http/edge.ts'
import type { RequestLogEntry } from '../../../src/http/request-log.ts'
import { createFakeKck } from '../../support/fake-kck.ts'
import { openAuth } from '../../support/http-auth.ts'

const kck = createFakeKck({ clock: systemClock })
const edge = createEdge({ kck, clock: systemClock, auth: openAuth })
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

async function invoke(one: APIGatewayProxyEventV2) {
  const { body = '', ...result } = await createHttpHandler(() => Promise.resolve(edge))(one, context)
  return { ...result, json: result.isBase64Encoded ? undefined : JSON.parse(body), body }
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
    const { statusCode, json } = await invoke(event('/fetch/big/6000000'))
    expect({ statusCode, code: json.code }).toEqual({ statusCode: 413, code: 'TOO_LARGE' })
    expect((await invoke(event('/fetch/big/5000000'))).statusCode).toBe(200)
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

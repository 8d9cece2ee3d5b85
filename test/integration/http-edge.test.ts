import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tokenAuth } from '../support/http-auth.ts'
import { type RawRequest, send } from '../support/http-client.ts'
import { httpTargets, type RunningTarget } from '../support/http-targets.ts'

const orders = [{ id: 1, amount: 12.5, note: 'ä'.repeat(2000) }]
const json = [['Content-Type', 'application/json']] as const

describe.each(httpTargets)('$name', (kind) => {
  let target: RunningTarget
  const ask = (request: RawRequest) => send(target.origin, request)
  const get = (path: string, ...headers: [string, string][]) => ask({ path, headers })

  beforeAll(async () => {
    target = await kind.start({ near: { 'customer_orders/7': orders } })
  })
  afterAll(() => target.close())

  describe('GET /fetch', () => {
    test('gives the value, and says what it is and how old', async () => {
      const { status, headers, json } = await get('/fetch/customer_orders/7')
      expect(status).toBe(200)
      expect(json).toMatchObject({ key: 'customer_orders/7', value: orders })
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'cache-control': 'public, max-age=60, stale-while-revalidate=540',
        vary: 'accept-encoding, kck-after',
        'x-content-type-options': 'nosniff',
        'kck-state': 'fresh',
        'kck-version': String(json.version),
        'last-modified': new Date(json.modified).toUTCString(),
        'content-length': String(Buffer.byteLength(JSON.stringify(json))),
      })
      expect(headers['cache-status']).toMatch(/^kck; hit; ttl=\d+; key="customer_orders\/7"; detail=(near|store)$/)
      expect(headers['kck-request-id']).toBeTruthy()
      expect(headers['access-control-allow-origin']).toBeUndefined()
    })

    test('computes what is missing, and says so', async () => {
      const { status, headers, json } = await get('/fetch/by_name/%C3%A4%20b')
      expect(status).toBe(200)
      expect(json).toMatchObject({ key: 'by_name/%C3%A4%20b', value: { name: 'ä b' } })
      expect(headers['cache-status']).toMatch(/^kck; fwd=miss; stored; ttl=\d+; key="by_name\/%C3%A4%20b"$/)
    })

    test.each([
      ['gzip', gunzipSync],
      ['br', brotliDecompressSync],
      ['zstd', zstdDecompressSync],
    ] as const)('in %s', async (encoding, decode) => {
      const { headers, body } = await get('/fetch/customer_orders/7', ['Accept-Encoding', `${encoding}, identity;q=0`])
      expect(headers['content-encoding']).toBe(encoding)
      expect(JSON.parse(decode(body).toString()).value).toEqual(orders)
    })

    test('304 for who has it already, with the headers that keep it alive', async () => {
      const first = await get('/fetch/customer_orders/7')
      const etag = first.headers['etag'] ?? ''
      const again = await get('/fetch/customer_orders/7', ['If-None-Match', `"x", ${etag}`])
      expect(again).toMatchObject({ status: 304, text: '' })
      expect(again.headers).toMatchObject({
        etag,
        'cache-control': first.headers['cache-control'],
        vary: 'accept-encoding, kck-after',
      })
      expect(again.headers['content-type']).toBeUndefined()
      const since = await get('/fetch/customer_orders/7', ['If-Modified-Since', first.headers['last-modified'] ?? ''])
      expect(since.status).toBe(304)
      expect((await get('/fetch/customer_orders/7', ['If-None-Match', '"x"'])).status).toBe(200)
    })

    test('HEAD: the headers of GET and no body', async () => {
      const { status, headers, text } = await ask({ method: 'HEAD', path: '/fetch/customer_orders/7' })
      expect({ status, text }).toEqual({ status: 200, text: '' })
      expect(headers['etag']).toBe((await get('/fetch/customer_orders/7')).headers['etag'])
    })

    test('hands directives and the deadline to the core', async () => {
      const calls = target.kck.calls
      const before = Date.now()
      await get('/fetch/by_name/x?min_fresh=2', ['Cache-Control', 'max-age=5, max-stale'], ['KCK-Timeout', '1.5'])
      const { request } = calls.at(-1) ?? {}
      expect(request).toMatchObject({ maxAgeMs: 5000, maxStaleMs: Number.POSITIVE_INFINITY, minFreshMs: 2000 })
      expect((request?.deadline ?? 0) - before).toBeGreaterThanOrEqual(1500)
      expect((request?.deadline ?? 0) - Date.now()).toBeLessThanOrEqual(1500)
    })

    test('no-cache asks past everything', async () => {
      const { status, headers } = await get('/fetch/by_name/y', ['Cache-Control', 'no-cache'])
      expect(status).toBe(200)
      expect(headers['cache-status']).toMatch(/^kck; fwd=request; stored/)
    })

    test('only-if-cached, and nothing is: 504', async () => {
      const { status, json } = await get('/fetch/by_name/nobody', ['Cache-Control', 'only-if-cached'])
      expect({ status, code: json.code }).toEqual({ status: 504, code: 'ONLY_IF_CACHED' })
    })

    test('stale: served, said, and not to be kept', async () => {
      await get('/fetch/customer_orders/8')
      target.kck.age('customer_orders/8', 61_000)
      const { headers } = await get('/fetch/customer_orders/8')
      expect(headers).toMatchObject({ 'kck-state': 'stale', 'cache-control': 'public, no-cache' })
      expect(headers['cache-status']).toMatch(/; ttl=-[12];/)
    })
  })

  describe('POST /fetch', () => {
    const many = (keys: unknown, ...headers: [string, string][]) =>
      ask({ method: 'POST', path: '/fetch', headers: [...json, ...headers], body: JSON.stringify({ keys }) })

    test('one result per key, in order; one that fails fails alone', async () => {
      const { status, json } = await many([
        'customer_orders/7',
        'customer_orders/x',
        'nope',
        'by_name/a%2Fb',
        'fails/NOT_SET',
      ])
      expect(status).toBe(200)
      expect(json.results).toMatchObject([
        { status: 200, key: 'customer_orders/7', value: orders, state: 'fresh', age: expect.any(Number) },
        { status: 400, key: 'customer_orders/x', problem: { code: 'BAD_PARAMETER' } },
        { status: 404, key: 'nope', problem: { code: 'UNKNOWN_PRODUCT' } },
        { status: 200, key: 'by_name/a%2Fb', value: { name: 'a/b' } },
        { status: 404, key: 'fails/NOT_SET', problem: { code: 'NOT_SET' } },
      ])
    })

    test('the same key twice is read once and answered twice', async () => {
      target.kck.calls.length = 0
      const { json } = await many(['customer_orders/7', 'customer_orders/7'])
      expect(json.results).toHaveLength(2)
      expect(target.kck.calls).toHaveLength(1)
    })

    test('compressed on request', async () => {
      const { headers, body } = await many(['customer_orders/7'], ['Accept-Encoding', 'gzip'])
      expect(headers['content-encoding']).toBe('gzip')
      expect(JSON.parse(gunzipSync(body).toString()).results).toHaveLength(1)
    })

    test.each([
      ['no keys', []],
      ['too many', Array.from({ length: 101 }, (_, id) => `customer_orders/${id}`)],
      ['not a list', 'customer_orders/7'],
      ['not text', [7]],
    ])('422: %s', async (_, keys) => {
      const { status, json } = await many(keys)
      expect({ status, json }).toMatchObject({
        status: 422,
        json: { code: 'INVALID_BODY', details: { field: 'keys' } },
      })
    })
  })

  describe('writes', () => {
    beforeEach(() => {
      target.kck.updates.length = 0
      target.kck.calls.length = 0
    })

    test.each([
      ['PUT', '/update/customer/7', 'update'],
      ['POST', '/update/customer', 'insert'],
      ['POST', '/create/customer', 'insert'],
    ])('%s %s', async (method, path, mode) => {
      const { status, json: answer } = await ask({ method, path, headers: json, body: '{"name":"$1 \u202e"}' })
      expect({ status, answer }).toMatchObject({ status: 200, answer: { success: true, updater: 'customer', mode } })
      expect(target.kck.updates).toEqual([{ key: path.replace(/^\/\w+\//, ''), body: { name: '$1 \u202e' } }])
    })

    test('a form is read by the types of the fields', async () => {
      const headers = [['Content-Type', 'application/x-www-form-urlencoded']] as const
      const body = 'name=a+b%26&age=7'
      expect((await ask({ method: 'PUT', path: '/update/customer/7', headers, body })).status).toBe(200)
      expect(target.kck.updates).toEqual([{ key: 'customer/7', body: { name: 'a b&', age: 7 } }])
      const wrong = await ask({ method: 'PUT', path: '/update/customer/7', headers, body: 'age=old' })
      expect(wrong).toMatchObject({ status: 422, json: { details: { field: 'age' } } })
    })

    test('DELETE makes stale, ?purge removes, POST /refresh computes', async () => {
      await get('/fetch/customer_orders/9')
      const stale = await ask({ method: 'DELETE', path: '/fetch/customer_orders/9' })
      expect(stale).toMatchObject({ status: 200, json: { key: 'customer_orders/9', invalidated: true } })
      const refreshed = await ask({ method: 'POST', path: '/refresh/customer_orders/9' })
      expect(refreshed).toMatchObject({
        status: 200,
        headers: { 'kck-state': 'fresh' },
        json: { key: 'customer_orders/9' },
      })
      const gone = await ask({ method: 'DELETE', path: '/fetch/customer_orders/9?purge' })
      expect(gone).toMatchObject({ status: 200, json: { key: 'customer_orders/9', purged: true } })
      const again = await ask({ method: 'DELETE', path: '/fetch/customer_orders/9?purge=1' })
      expect(again).toMatchObject({ status: 200, json: { purged: false } })
    })

    test('a page of another site cannot make a browser write', async () => {
      const foreign = [['Origin', 'https://evil.example']] as const
      const answer = await ask({ method: 'POST', path: '/refresh/customer_orders/9', headers: foreign })
      expect(answer).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } })
      const site = [['Sec-Fetch-Site', 'cross-site']] as const
      expect((await ask({ method: 'DELETE', path: '/fetch/customer_orders/9', headers: site })).status).toBe(403)
      expect(target.kck.calls).toEqual([])
    })
  })

  describe('errors', () => {
    test.each([
      ['NOT_SET', 404],
      ['CONFLICT', 409],
      ['UNSTORABLE', 500],
      ['SOURCE_BUSY', 503],
      ['COMPUTE_FAILED', 503],
      ['DEADLINE_EXCEEDED', 504],
    ])('%s -> %d, with Retry-After, and nothing of the cause', async (code, expected) => {
      const { status, headers, json, text } = await get(`/fetch/fails/${code}`)
      expect(status).toBe(expected)
      expect(headers).toMatchObject({
        'content-type': 'application/problem+json',
        'retry-after': '3',
        'cache-control': 'no-store',
      })
      expect(json).toMatchObject({
        status: expected,
        code,
        detail: 'The primer failed',
        requestId: headers['kck-request-id'],
      })
      expect(text).not.toMatch(/syntax|select|\.sql|\.ts/)
    })

    test('a throw that nobody foresaw: 500 with a fixed text; the log knows more', async () => {
      const { status, text, json } = await get('/fetch/throws')
      expect({ status, code: json.code }).toEqual({ status: 500, code: 'INTERNAL' })
      expect(text).not.toMatch(/secret|hunter2|select|\/srv/)
      const line = target.logLines().at(-1) ?? ''
      expect(line).toContain('/srv/app/secret.ts')
      expect(line).not.toContain('hunter2')
    })

    test('a compute that hangs: 504 at the deadline', async () => {
      const { status, json } = await get('/fetch/hangs', ['KCK-Timeout', '0.1'])
      expect({ status, code: json.code }).toEqual({ status: 504, code: 'DEADLINE_EXCEEDED' })
    })

    test.each([
      ['GET', '/', 404],
      ['GET', '/fetch', 405],
      ['PUT', '/fetch/customer_orders/7', 405],
      ['PATCH', '/update/customer/7', 405],
      ['OPTIONS', '/fetch/customer_orders/7', 405],
      ['GET', '/nope', 404],
      ['GET', '/fetch/nope', 404],
      ['PUT', '/update/nope/1', 404],
    ])('%s %s -> %d', async (method, path, expected) => {
      const { status, headers } = await ask({ method, path })
      expect(status).toBe(expected)
      if (expected === 405) expect(headers['allow']).toBeTruthy()
    })

    test.each<[string, string, number]>([
      ['Accept', 'text/html', 406],
      ['Accept-Encoding', 'identity;q=0, *;q=0', 406],
      ['Cache-Control', 'max-age=x', 400],
      ['KCK-Timeout', '0', 400],
      ['KCK-Timeout', '-1', 400],
      ['KCK-Timeout', '1e3', 400],
    ])('%s: %s -> %d', async (name, value, expected) => {
      expect((await get('/fetch/customer_orders/7', [name, value])).status).toBe(expected)
    })
  })

  test('GET /healthz and GET /openapi.json', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, json: { ok: true, parts: { store: { ok: true } } } })
    const { status, json } = await get('/openapi.json')
    expect({ status, version: json.openapi }).toEqual({ status: 200, version: '3.1.1' })
    expect(json.paths['/fetch/customer_orders/{customer_id}'].get.operationId).toBe('fetch_customer_orders')
  })

  test('one log line for every request, with what it came to', async () => {
    const before = target.log.length
    await get('/fetch/customer_orders/7?access_token=hunter2')
    await get('/fetch/customer_orders/x', ['Authorization', 'Bearer hunter2'])
    const lines = target.logLines().slice(before)
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'info', method: 'GET', path: '/fetch/customer_orders/7', status: 200, key: 'customer_orders/7' },
      { level: 'info', method: 'GET', path: '/fetch/customer_orders/x', status: 400, code: 'BAD_PARAMETER' },
    ])
    expect(lines.join()).not.toContain('hunter2')
  })
})

describe.each(httpTargets)('$name, with tokens', (kind) => {
  let target: RunningTarget
  const as = (token: string | null): [string, string][] =>
    token === null ? [] : [['Authorization', `Bearer ${token}`]]

  beforeAll(async () => {
    target = await kind.start({
      auth: tokenAuth({ fetch: 'public', update: 'authenticated', admin: { scopes: ['staff'] } }),
      near: { 'customer_orders/7': orders, 'members_only/1': 1, 'staff_only/1': 1, 'tenant_orders/A': 'a' },
    })
  })
  afterAll(() => target.close())

  test.each([
    ['/fetch/customer_orders/7', null, 200],
    ['/fetch/customer_orders/7', 'a.a.a', 200],
    ['/fetch/customer_orders/7', 'x.x.x', 401],
    ['/fetch/members_only/1', null, 401],
    ['/fetch/members_only/1', 'a.a.a', 200],
    ['/fetch/staff_only/1', 'a.a.a', 403],
    ['/fetch/staff_only/1', 'b.b.b', 200],
    ['/fetch/tenant_orders/A', null, 401],
    ['/fetch/tenant_orders/A', 'a.a.a', 200],
    ['/fetch/tenant_orders/A', 'b.b.b', 403],
  ])('GET %s as %s -> %d', async (path, token, expected) => {
    const { status, headers } = await send(target.origin, { path, headers: as(token) })
    expect(status).toBe(expected)
    expect(headers['www-authenticate'] !== undefined).toBe(expected === 401)
  })

  test('what needs a token may be kept by its owner only', async () => {
    const { headers } = await send(target.origin, { path: '/fetch/members_only/1', headers: as('a.a.a') })
    expect(headers['cache-control']).toMatch(/^private,/)
    expect(headers['vary']).toBe('accept-encoding, authorization, kck-after')
  })

  test('of many keys, each is judged by itself, before the store is asked', async () => {
    target.kck.calls.length = 0
    const body = JSON.stringify({ keys: ['customer_orders/7', 'tenant_orders/A', 'tenant_orders/B', 'staff_only/1'] })
    const { json } = await send(target.origin, {
      method: 'POST',
      path: '/fetch',
      headers: [['Content-Type', 'application/json'], ...as('a.a.a')],
      body,
    })
    expect(json.results.map(({ status }: { status: number }) => status)).toEqual([200, 200, 403, 403])
    expect(target.kck.calls.map(({ key }) => key)).toEqual(['customer_orders/7', 'tenant_orders/A'])
  })

  test.each([
    [null, 'A', 401],
    ['a.a.a', 'A', 200],
    ['a.a.a', 'B', 403],
  ])('a field that stands for a claim: as %s for %s -> %d', async (token, tenant, expected) => {
    const { status } = await send(target.origin, {
      method: 'POST',
      path: '/update/tenant_note',
      headers: [['Content-Type', 'application/json'], ...as(token)],
      body: JSON.stringify({ tenant, note: 'x' }),
    })
    expect(status).toBe(expected)
  })

  test.each([
    ['DELETE', '/fetch/customer_orders/8'],
    ['POST', '/refresh/customer_orders/8'],
  ])('%s %s is for operators', async (method, path) => {
    expect((await send(target.origin, { method, path })).status).toBe(401)
    expect((await send(target.origin, { method, path, headers: as('a.a.a') })).status).toBe(403)
    expect((await send(target.origin, { method, path, headers: as('b.b.b') })).status).toBe(200)
  })
})

describe.each(httpTargets)('$name, with CORS', (kind) => {
  let target: RunningTarget
  const from = (origin: string): [string, string] => ['Origin', origin]

  beforeAll(async () => {
    target = await kind.start({
      cors: { origins: ['https://app.example'], credentials: false, maxAgeMs: 600_000 },
      near: { 'customer_orders/7': orders },
    })
  })
  afterAll(() => target.close())

  test('the listed origin may read; everybody is told that answers differ', async () => {
    const path = '/fetch/customer_orders/7'
    const { headers } = await send(target.origin, { path, headers: [from('https://app.example')] })
    expect(headers['access-control-allow-origin']).toBe('https://app.example')
    expect(headers['vary']).toBe('accept-encoding, kck-after, origin')
    expect((await send(target.origin, { path })).headers['vary']).toBe('accept-encoding, kck-after, origin')
    for (const origin of ['https://evil.example', 'null', 'https://app.example.evil.example']) {
      const other = await send(target.origin, { path, headers: [from(origin)] })
      expect(other.headers['access-control-allow-origin']).toBeUndefined()
    }
  })

  test('preflight', async () => {
    const headers = [from('https://app.example'), ['Access-Control-Request-Method', 'PUT']] as const
    const answer = await send(target.origin, { method: 'OPTIONS', path: '/update/customer/7', headers })
    expect(answer).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-methods': 'PUT, POST', 'access-control-max-age': '600' },
    })
    const foreign = [from('https://evil.example'), ['Access-Control-Request-Method', 'PUT']] as const
    expect(
      (await send(target.origin, { method: 'OPTIONS', path: '/update/customer/7', headers: foreign })).status,
    ).toBe(405)
  })
})

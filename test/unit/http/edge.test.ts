import { Validator } from '@seriousme/openapi-schema-validator'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { createEdge, type EdgeOptions } from '../../../src/http/edge.ts'
import type { EdgeRequest } from '../../../src/http/request.ts'
import { formatRequestLog } from '../../../src/http/request-log.ts'
import { headerOf } from '../../../src/http/respond.ts'
import { createFakeKck } from '../../support/fake-kck.ts'
import { openAuth, tokenAuth } from '../../support/http-auth.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

function edgeWith(options: Partial<EdgeOptions> = {}) {
  const kck = createFakeKck({ clock: options.clock ?? systemClock, near: { 'customer_orders/7': [1] } })
  return createEdge({ kck, clock: systemClock, auth: openAuth, ...options })
}

function request(over: Partial<EdgeRequest> = {}): EdgeRequest {
  return {
    method: 'GET',
    rawPath: '/fetch/customer_orders/7',
    rawQuery: '',
    headers: [],
    requestId: 'r1',
    signal: new AbortController().signal,
    body: () => Promise.resolve(new Uint8Array()),
    ...over,
  }
}

const oneOf = (...values: string[]) => fc.constantFrom(...values)
const junk = fc.string({ unit: 'binary', maxLength: 20 })

const anyRequest = fc.record({
  method: fc.oneof(oneOf('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', '__proto__'), junk),
  rawPath: fc.oneof(
    fc
      .array(
        fc.oneof(
          oneOf(
            'fetch',
            'update',
            'create',
            'refresh',
            'customer_orders',
            'by_name',
            'customer',
            '7',
            'a%2Fb',
            '%',
            '%00',
            '..',
            '',
            '__proto__',
          ),
          junk,
        ),
        { maxLength: 5 },
      )
      .map((parts) => `/${parts.join('/')}`),
    junk,
  ),
  rawQuery: fc.oneof(oneOf('', 'purge', 'max_age=1', 'max_age=x', 'no_cache', 'only_if_cached'), junk),
  headers: fc.array(
    fc.tuple(
      oneOf(
        'Accept',
        'accept-encoding',
        'Authorization',
        'cache-control',
        'content-type',
        'content-encoding',
        'if-none-match',
        'if-modified-since',
        'KCK-Timeout',
        'Origin',
        'Sec-Fetch-Site',
        'Host',
        'X-Forwarded-For',
      ),
      fc.oneof(
        oneOf(
          '*/*',
          'gzip',
          '*;q=0',
          'application/json',
          'max-age=5',
          'Bearer a.a.a',
          'Bearer x',
          '*',
          '1',
          'https://evil.example',
        ),
        junk,
      ),
    ),
    { maxLength: 5 },
  ),
  body: fc.oneof(
    oneOf(
      '',
      '{}',
      '{"name":"x"}',
      '{"keys":["customer_orders/7"]}',
      '{"keys":["%"]}',
      '{"__proto__":1}',
      '[',
      'a=1&b=%zz',
    ),
    junk,
  ),
})

describe('the edge', () => {
  test('answers any request, never with 5xx, never with more than one log line', async () => {
    const lines: string[] = []
    const edge = edgeWith({
      auth: tokenAuth({ fetch: 'public', update: 'authenticated', admin: 'public' }),
      cors: { origins: ['https://app.example'], credentials: true, maxAgeMs: 1000 },
      log: (entry) => lines.push(formatRequestLog(entry)),
    })
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ body, ...over }) => {
        lines.length = 0
        const { status, headers } = await edge.handle(
          request({ ...over, body: () => Promise.resolve(Buffer.from(body)) }),
        )
        // `only-if-cached` is the one that asks for a 504.
        if (status >= 500) expect(over.rawQuery).toBe('only_if_cached')
        expect(headers.length % 2).toBe(0)
        for (const text of headers) expect(text).toMatch(/^[\t\x20-\x7e]*$/)
        expect(lines).toHaveLength(1)
        expect(lines[0]).toMatch(/^[\x20-\x7e]+$/)
      }),
      { numRuns: 5000 },
    )
  })

  test('has its answer by the deadline whatever hangs, and tells the one who hangs', async () => {
    const clock = createVirtualClock()
    let heard: unknown
    const auth = { ...openAuth, authenticate: () => new Promise<never>(() => {}) }
    const edge = edgeWith({ clock, auth, limits: { deadlineMs: 2000 } })
    const answer = edge.handle(request({ headers: [['kck-timeout', '1']] }))
    await clock.advance(1100)
    expect((await answer).status).toBe(504)

    const upload = edgeWith({ clock }).handle(
      request({
        method: 'PUT',
        rawPath: '/update/customer/7',
        headers: [['content-type', 'application/json']],
        body: () => new Promise(() => {}),
      }),
    )
    const hanging = createFakeKck({ clock })
    const fetch: typeof hanging.fetch = (_, asked) =>
      new Promise((_resolve, reject) => {
        asked?.signal?.addEventListener('abort', () => {
          heard = asked.signal?.reason
          reject(heard)
        })
      })
    const late = createEdge({ kck: { ...hanging, fetch }, clock, auth: openAuth }).handle(request())
    await clock.advance(6000)
    expect((await upload).status).toBe(504)
    expect((await late).status).toBe(504)
    expect(heard).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  test('a timeout beyond the limit is cut to it', async () => {
    const clock = createVirtualClock()
    const kck = createFakeKck({ clock })
    await createEdge({ kck, clock, auth: openAuth, limits: { maxDeadlineMs: 3000 } }).handle(
      request({ headers: [['KCK-Timeout', '999']] }),
    )
    expect(kck.calls[0]?.request?.deadline).toBe(clock.now() + 3000)
  })

  test('a caller that is gone is no fault of ours', async () => {
    const gone = new AbortController()
    const levels: string[] = []
    const edge = edgeWith({ log: ({ level, code }) => levels.push(`${level} ${code}`) })
    const answer = edge.handle(request({ rawPath: '/fetch/hangs', signal: gone.signal }))
    gone.abort()
    expect((await answer).status).toBe(499)
    expect(levels).toEqual(['info CALLER_GONE'])
  })

  test("refuses to start with CORS '*' and credentials", () => {
    const cors = { origins: '*', credentials: true, maxAgeMs: 0 } as const
    expect(() => edgeWith({ cors })).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
  })

  test("CORS '*' without credentials is the same for all", async () => {
    const edge = edgeWith({ cors: { origins: '*', credentials: false, maxAgeMs: 0 } })
    const { headers } = await edge.handle(request({ headers: [['Origin', 'https://any.example']] }))
    expect(headerOf(headers, 'access-control-allow-origin')).toBe('*')
  })

  test('describes itself in valid OpenAPI 3.1', async () => {
    const { body } = await edgeWith().handle(request({ rawPath: '/openapi.json' }))
    const result = await new Validator().validate(JSON.parse(Buffer.from(body ?? []).toString()))
    expect(result).toMatchObject({ valid: true })
  })

  test('values of many keys that are too large together are to be fetched alone', async () => {
    const body = JSON.stringify({ keys: ['big/900', 'big/901', 'customer_orders/7'] })
    const { body: answer } = await edgeWith({ limits: { manyBytes: 1500 } }).handle(
      request({
        method: 'POST',
        rawPath: '/fetch',
        headers: [['content-type', 'application/json']],
        body: () => Promise.resolve(Buffer.from(body)),
      }),
    )
    const { results } = JSON.parse(Buffer.from(answer ?? []).toString())
    expect(results.map(({ status }: { status: number }) => status)).toEqual([200, 413, 200])
  })
})

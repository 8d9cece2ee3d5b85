import { describe, expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import { etagOf, isNotModified } from '../../../src/http/conditional.ts'
import { fetchHeaders } from '../../../src/http/fetch-headers.ts'
import { problemOf, problemResponse } from '../../../src/http/problem.ts'
import { formatRequestLog } from '../../../src/http/request-log.ts'
import { headerOf } from '../../../src/http/respond.ts'
import type { Fetched } from '../../../src/kck/kck.ts'

const now = Date.UTC(2026, 10, 20, 12)
const fetched: Fetched = {
  key: 'customer_orders/7',
  version: 36,
  modified: now - 90_500,
  asOf: now - 30_900,
  state: 'fresh',
  staleSince: null,
  staleCause: null,
  softExpiresAt: now + 29_100,
  hardExpiresAt: now + 329_100,
  contentHash: 'abcd',
  from: 'near',
  collapsed: false,
  body: { encoding: 'identity', length: 2, bytes: () => Buffer.from('{}') },
}

const options = { now, public: true, forced: false }
const header = (name: string, of: Partial<Fetched> = {}, how: Partial<typeof options> = {}) =>
  headerOf(fetchHeaders({ ...fetched, ...of }, { ...options, ...how }), name)

describe('headers of a fetch', () => {
  test('say its age, and how long it may be kept: together what HTTP makes of the soft TTL', () => {
    expect(header('age')).toBe('30')
    expect(header('cache-control')).toBe('public, max-age=60, stale-while-revalidate=300')
    expect(header('last-modified')).toBe('Fri, 20 Nov 2026 11:58:29 GMT')
    expect(header('kck-as-of')).toBe('2026-11-20T11:59:29.100Z')
    expect(header('kck-version')).toBe('36')
  })

  test.each<[string, Partial<Fetched>, boolean, string]>([
    ['fresh, not for everybody', {}, false, 'private, max-age=60, stale-while-revalidate=300'],
    ['stale', { state: 'stale' }, true, 'public, no-cache'],
    ['failed', { state: 'failed' }, true, 'public, no-cache'],
    ['only a change ends it', { softExpiresAt: null }, true, 'public, no-cache'],
    ['no hard TTL', { hardExpiresAt: null }, true, 'public, max-age=60, stale-while-revalidate=86400'],
    ['soft is hard', { hardExpiresAt: now + 29_100 }, true, 'public, max-age=60'],
  ])('Cache-Control: %s', (_, of, isPublic, expected) => {
    expect(header('cache-control', of, { public: isPublic })).toBe(expected)
  })

  test('a clock that went back gives no negative age', () => {
    expect(header('age', { asOf: now + 5000 })).toBe('0')
  })

  test.each<[Partial<Fetched>, boolean, string]>([
    [{}, false, 'kck; hit; ttl=29; key="customer_orders/7"; detail=near'],
    [
      { from: 'store', state: 'stale', softExpiresAt: now - 1500 },
      false,
      'kck; hit; ttl=-2; key="customer_orders/7"; detail=store',
    ],
    [{ from: 'compute' }, false, 'kck; fwd=miss; stored; ttl=29; key="customer_orders/7"'],
    [{ from: 'compute', collapsed: true }, false, 'kck; fwd=miss; stored; collapsed; ttl=29; key="customer_orders/7"'],
    [{ from: 'compute', softExpiresAt: null }, true, 'kck; fwd=request; stored; key="customer_orders/7"'],
  ])('Cache-Status %#', (of, forced, expected) => {
    expect(header('cache-status', of, { forced })).toBe(expected)
  })

  test('what others may see differently varies', () => {
    expect(header('vary')).toBe('accept-encoding, kck-after')
    expect(header('vary', {}, { public: false })).toBe('accept-encoding, authorization, kck-after')
  })
})

describe('conditions', () => {
  const etag = etagOf(fetched)
  const since = (text: string) =>
    isNotModified({ ifNoneMatch: undefined, ifModifiedSince: text }, etag, fetched.modified)
  const match = (text: string) =>
    isNotModified({ ifNoneMatch: text, ifModifiedSince: new Date(now).toUTCString() }, etag, fetched.modified)

  test('a tag stands for content and version', () => {
    expect(etag).toBe('W/"abcd.10"')
    expect(etagOf({ ...fetched, version: 37 })).not.toBe(etag)
  })

  test.each([
    ['W/"abcd.10"', true],
    ['"abcd.10"', true],
    ['"x", W/"abcd.10"', true],
    ['*', true],
    ['"abcd"', false],
    ['abcd.10', false],
    ['', false],
  ])('If-None-Match: %s -> %s, whatever If-Modified-Since says', (text, expected) => {
    expect(match(text)).toBe(expected)
  })

  test.each([
    ['Fri, 20 Nov 2026 11:58:29 GMT', true],
    ['Fri, 20 Nov 2026 11:58:28 GMT', false],
    ['yesterday', false],
  ])('If-Modified-Since: %s -> %s', (text, expected) => {
    expect(since(text)).toBe(expected)
  })
})

describe('problems', () => {
  test('say what may be said', () => {
    const error = new KckError('BAD_PARAMETER', 'The parameter customer_id must be a whole number', {
      details: { parameter: 'customer_id' },
      cause: new Error('secret'),
    })
    expect(problemOf(error, 'r1')).toEqual({
      type: 'urn:kck:problem:bad-parameter',
      title: 'Bad parameter',
      status: 400,
      detail: 'The parameter customer_id must be a whole number',
      code: 'BAD_PARAMETER',
      requestId: 'r1',
      details: { parameter: 'customer_id' },
    })
  })

  test('an error that nobody foresaw says nothing of itself', () => {
    const error = new KckError('INTERNAL', 'select * from secret', { details: { path: '/srv' } })
    const { body } = problemResponse(error, 'r1')
    expect(Buffer.from(body ?? []).toString()).not.toMatch(/secret|srv/)
  })

  test.each<[KckError, string | undefined]>([
    [new KckError('SOURCE_BUSY', 'x', { retryAfterMs: 2100 }), '3'],
    [new KckError('STORE_UNAVAILABLE', 'x'), '1'],
    [new KckError('TOO_MANY_REQUESTS', 'x', { retryAfterMs: 1 }), '1'],
    [new KckError('NOT_SET', 'x'), undefined],
    [new KckError('NOT_SET', 'x', { retryAfterMs: 500 }), '1'],
  ])('Retry-After %#', (error, expected) => {
    expect(headerOf(problemResponse(error, 'r').headers, 'retry-after')).toBe(expected)
  })

  test('401 names the scheme', () => {
    expect(headerOf(problemResponse(new KckError('UNAUTHENTICATED', 'x'), 'r').headers, 'www-authenticate')).toMatch(
      /^Bearer/,
    )
  })
})

describe('the request log', () => {
  const entry = { level: 'info', time: now, requestId: 'r', method: 'GET', status: 200, ms: 1, bytes: 2 } as const

  test('is one line of plain ASCII whatever the path holds', () => {
    const line = formatRequestLog({ ...entry, path: '/fetch/\u202e\n\r\u2028\u0007\u007f"x' })
    expect(line).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(line).path).toBe('/fetch/\u202e\n\r\u2028\u0007\u007f"x')
  })

  test('cuts endless paths', () => {
    expect(formatRequestLog({ ...entry, path: 'x'.repeat(10_000) }).length).toBeLessThan(600)
  })

  test('tells an operator why, but no token and no password', () => {
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'
    const cause = new Error(`connect postgres://kck:hunter2@db/x with Bearer ${token} password=hunter2 failed`)
    const line = formatRequestLog({
      ...entry,
      path: '/',
      error: new KckError('SOURCE_UNAVAILABLE', 'No source', { cause }),
    })
    expect(line).toContain('SOURCE_UNAVAILABLE')
    expect(line).toContain('connect postgres')
    expect(line).not.toMatch(/hunter2|eyJ/)
  })
})

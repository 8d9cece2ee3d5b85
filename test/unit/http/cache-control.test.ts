import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KckError } from '../../../src/errors.ts'
import { parseCacheControl, queryDirectives } from '../../../src/http/cache-control.ts'
import { parseQuery } from '../../../src/http/query.ts'

const fromQuery = (query: string) => queryDirectives(parseQuery(query))

describe('request directives', () => {
  test.each<[string | undefined, object]>([
    [undefined, {}],
    ['', {}],
    ['max-age=5', { maxAgeMs: 5000 }],
    ['MAX-AGE=5', { maxAgeMs: 5000 }],
    ['max-age="5"', { maxAgeMs: 5000 }],
    ['max-age=99999999999999', { maxAgeMs: 2 ** 31 * 1000 }],
    ['max-stale', { maxStaleMs: Number.POSITIVE_INFINITY }],
    ['max-stale=0', { maxStaleMs: 0 }],
    ['min-fresh=3,only-if-cached', { minFreshMs: 3000, onlyIfCached: true }],
    ['no-cache , , no-store', { noCache: true }],
    ['x="a,b;c=\\"max-age=1\\"", max-age=2', { maxAgeMs: 2000 }],
  ])('%s', (header, expected) => {
    expect(parseCacheControl(header)).toEqual(expected)
  })

  test.each([
    'max-age',
    'max-age=',
    'max-age=-1',
    'max-age=1.5',
    'max-age=1e999',
    'max-age=NaN',
    'max-age=five',
    'min-fresh',
    'no-cache=x',
    'max-age=1, max-age=2',
    'max-age=1 2',
    '"',
  ])('%s is refused', (header) => {
    expect(() => parseCacheControl(header)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })

  test('any text is either understood or refused as a bad request', () => {
    const piece = fc.constantFrom('max-age', 'max-stale', 'no-cache', '=', '1', '-', '"', ',', ' ', '\\', 'e', '.')
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(header, (text) => {
        try {
          const { maxAgeMs = 0, maxStaleMs = 0, minFreshMs = 0 } = parseCacheControl(text)
          expect(Math.min(maxAgeMs, maxStaleMs, minFreshMs)).toBeGreaterThanOrEqual(0)
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_REQUEST' } satisfies Partial<KckError>)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('query directives', () => {
  test.each<[string, object]>([
    ['', {}],
    ['max_age=5&max_stale=2&min_fresh=1', { maxAgeMs: 5000, maxStaleMs: 2000, minFreshMs: 1000 }],
    ['max_stale', { maxStaleMs: Number.POSITIVE_INFINITY }],
    ['only_if_cached&no_cache=1', { onlyIfCached: true, noCache: true }],
    ['only_if_cached=true&no_cache=0', { onlyIfCached: true }],
    ['max%5Fage=5', { maxAgeMs: 5000 }],
    ['constructor.prototype.x=1&__proto__=2&cb=<script>&x=%zz', {}],
  ])('%s', (query, expected) => {
    expect(fromQuery(query)).toEqual(expected)
  })

  test.each([
    'max_age',
    'max_age=-1',
    'max_age=1e999',
    'max_age[]=1',
    'max_age.x=1',
    'max_age=1&max_age=2',
    'max_age=+1',
    'max_age=%zz',
    'no_cache=perhaps',
  ])('%s is refused', (query) => {
    expect(() => fromQuery(query)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptsJson, chooseEncoding, parseAcceptEncoding } from '../../../src/http/negotiate.ts'
import type { ContentEncoding } from '../../../src/kck/kck.ts'

describe('Accept', () => {
  test.each([
    [undefined, true],
    ['', true],
    ['*/*', true],
    ['application/json', true],
    ['application/*;q=0.1', true],
    ['text/html, */*;q=0.8', true],
    ['text/html', false],
    ['application/json;q=0, */*', false],
    ['application/json;q=0', false],
    ['*/*;q=0', false],
    // Malformed: nothing can be read out of it, so nothing is excluded.
    ['application/json;q=high', true],
    ['((', true],
  ])('%s -> %s', (header, expected) => {
    expect(acceptsJson(header)).toBe(expected)
  })
})

describe('Accept-Encoding', () => {
  const choose = (header: string | undefined, stored: ContentEncoding) =>
    chooseEncoding(parseAcceptEncoding(header), stored)

  test.each<[string | undefined, ContentEncoding, ContentEncoding | null]>([
    [undefined, 'zstd', 'identity'],
    ['', 'zstd', 'identity'],
    ['gzip', 'zstd', 'gzip'],
    ['gzip, zstd', 'zstd', 'zstd'],
    ['gzip, deflate, br, zstd', 'gzip', 'gzip'],
    ['br', 'zstd', 'br'],
    ['*', 'zstd', 'zstd'],
    ['gzip', 'identity', 'identity'],
    ['gzip;q=0.5, br;q=0.9', 'zstd', 'br'],
    ['x-gzip', 'zstd', 'gzip'],
    ['GZIP', 'zstd', 'gzip'],
    ['deflate', 'gzip', 'identity'],
    ['gzip;q=0', 'gzip', 'identity'],
    ['identity;q=0, gzip', 'identity', 'gzip'],
    ['identity;q=0', 'identity', null],
    ['*;q=0', 'gzip', null],
    ['deflate, *;q=0', 'gzip', null],
    // Malformed as a whole is as good as none.
    ['gzip;q=NaN, *;q=0', 'gzip', 'identity'],
    ['gzip;q=2', 'gzip', 'identity'],
    ['gzip;q=-1', 'gzip', 'identity'],
    ['gzip zstd', 'gzip', 'identity'],
  ])('%s of a body stored as %s -> %s', (header, stored, expected) => {
    expect(choose(header, stored)).toBe(expected)
  })

  test('whatever the headers say, there is an answer, and an excluded encoding is never it', () => {
    const piece = fc.constantFrom(
      'gzip',
      'br',
      'zstd',
      'identity',
      '*',
      ';q=',
      '0',
      '1',
      '0.5',
      '.',
      ',',
      ' ',
      'q',
      '"',
    )
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    )
    const stored = fc.constantFrom<ContentEncoding[]>('identity', 'gzip', 'zstd')
    fc.assert(
      fc.property(header, stored, (text, form) => {
        acceptsJson(text)
        const weights = parseAcceptEncoding(text)
        const chosen = chooseEncoding(weights, form)
        expect(chosen === null || weights[chosen] > 0).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

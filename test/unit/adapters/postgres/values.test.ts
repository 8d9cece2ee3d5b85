import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decoderOf } from '../../../../src/adapters/postgres-common/decode.ts'
import { encodeText } from '../../../../src/adapters/postgres-common/encode.ts'
import { sqlStateOf } from '../../../../src/adapters/postgres-common/errors.ts'
import type { PgType } from '../../../../src/adapters/postgres-common/types.ts'
import type { JsonValue } from '../../../../src/entry/json.ts'

const listOf = (name: string): PgType => ({ name: `_${name}`, element: { name } })

describe("PostgreSQL's text of values", () => {
  test('lists of text come back as they were, nested or not', () => {
    const { list } = fc.letrec<{ list: JsonValue[] }>((tie) => ({
      list: fc.oneof(
        fc.array(fc.option(fc.string()), { minLength: 1, maxLength: 4 }),
        fc.array(tie('list'), { minLength: 1, maxLength: 3 }),
      ),
    }))
    fc.assert(
      fc.property(list, (value) => {
        expect(decoderOf(listOf('text'))(encodeText(value) ?? '')).toEqual(value)
      }),
    )
  })

  test('every safe int8 is a number and every other one its digits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const decoded = decoderOf({ name: 'int8' })(String(value))
        expect(BigInt(decoded as number | string)).toBe(value)
        expect(typeof decoded).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'string')
      }),
    )
  })

  test.each([
    ['2026-11-20 17:48:48.489123+00', '2026-11-20T17:48:48.489123Z'],
    ['2026-11-20 17:48:48.489123', '2026-11-20T17:48:48.489123Z'],
    ['2026-11-20 17:48:48.489123+05:30', '2026-11-20T12:18:48.489123Z'],
    ['2026-01-01 00:00:00-03', '2026-01-01T03:00:00Z'],
    ['0044-03-15 12:00:00+00 BC', '0044-03-15T12:00:00Z BC'],
    ['0044-03-15 12:00:00 BC', '0044-03-15T12:00:00Z BC'],
    ['infinity', 'infinity'],
  ])('timestamptz %s', (text, value) => {
    expect(decoderOf({ name: 'timestamptz' })(text)).toBe(value)
  })

  test('a type named like something every object has is text', () => {
    expect(decoderOf({ name: 'constructor' })('x')).toBe('x')
  })

  test('an error code of the system is no SQLSTATE', () => {
    expect(['EPIPE', '57P01', 'ECONNRESET', '42601'].map((code) => sqlStateOf({ code }))).toEqual([
      undefined,
      '57P01',
      undefined,
      '42601',
    ])
  })

  test('a list for a json parameter is json', () => {
    expect([encodeText([1, 'a'], 'json'), encodeText([1, 'a'])]).toEqual(['[1,"a"]', '{"1","a"}'])
  })
})

import { describe, expect, test } from 'vitest'
import { bindParameters } from '../../../support/data-api/parameters.ts'

const one = (name: string, value: object, typeHint?: string) => [{ name, value, ...(typeHint ? { typeHint } : {}) }]

describe('the emulated Data API', () => {
  test.each([
    ['select :a', 'select $1'],
    ['select :a, :a', 'select $1, $1'],
    ['select :a::int', 'select $1::int'],
    ["select ':a', :a", "select ':a', $1"],
    ["select 'it''s :a', :a", "select 'it''s :a', $1"],
    [String.raw`select E'\':a', :a`, String.raw`select E'\':a', $1`],
    ['select "x:a", :a', 'select "x:a", $1'],
    ['select :a -- :a\n+ :a', 'select $1 -- :a\n+ $1'],
    ['select /* :a /* :a */ :a */ :a', 'select /* :a /* :a */ :a */ $1'],
    ['select $$:a$$, $t$ :a $$ $t$, :a', 'select $$:a$$, $t$ :a $$ $t$, $1'],
    ['select a[1:2], :a', 'select a[1:2], $1'],
  ])('%s', (sql, text) => {
    expect(bindParameters(sql, one('a', { longValue: 1 })).text).toBe(text)
  })

  test('types a value by its field and hint', () => {
    const oidOf = (value: object, hint?: string) => bindParameters('select :a', one('a', value, hint)).oids[0]
    expect([
      oidOf({ isNull: true }),
      oidOf({ stringValue: 'x' }),
      oidOf({ longValue: 1 }),
      oidOf({ doubleValue: 1 }),
      oidOf({ booleanValue: true }),
      oidOf({ stringValue: '2f1d0c4a-0c6d-4d39-9f0e-5b1f5d3f3c11' }, 'UUID'),
      oidOf({ stringValue: '2026-11-20 01:02:03.123' }, 'TIMESTAMP'),
    ]).toEqual([0, 25, 20, 701, 16, 2950, 1114])
  })

  test('refuses what the service refuses', () => {
    expect(() => bindParameters('select :b', one('a', { longValue: 1 }))).toThrow('Cannot find parameter: b')
    expect(() => bindParameters('select :a', one('a', { arrayValue: {} }))).toThrow('Array parameters')
    expect(() => bindParameters('select :a', one('a', { stringValue: '2026-11-20T01:02:03Z' }, 'TIMESTAMP'))).toThrow()
  })
})

import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { date, float, int, oneOf, string, updater } from '../../../src/index.ts'
import { chooseStatement, validateBody } from '../../../src/updater/body.ts'
import type { Updater } from '../../../src/updater/definition.ts'
import { updaterFromSql } from '../../../src/updater/sql-updater.ts'
import { defineUpdater } from '../../../src/updater/updater.ts'
import { updaterFromYaml } from '../../../src/updater/yaml-updater.ts'

const refusal = (make: () => unknown) => {
  try {
    make()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

const order = updater({
  name: 'order',
  key: { order_id: int() },
  body: { status: oneOf('open', 'closed'), note: string(), price: float(), day: date(), count: int() },
  optional: ['note'],
  update: 'update orders set status = :status where order_id = :order_id',
  insert: 'insert into orders (status, note) values (:status, :note)',
})
const body = { status: 'open', note: 'x', price: 1.5, day: '2026-11-20', count: 3 }

describe('updater()', () => {
  it('makes an updater', () => {
    expect(order).toMatchObject({
      kind: 'updater',
      name: 'order',
      description: null,
      optional: ['note'],
      source: null,
      update: { names: ['status', 'order_id'], types: { status: 'text', order_id: 'int' } },
      insert: { names: ['status', 'note'] },
      choose: 'key',
      run: null,
      changes: [],
      access: null,
      hooks: {},
      file: null,
    })
  })

  const base = { name: 'u', body: { a: int() }, insert: 'insert into t values (:a)' }
  it.each([
    [{ insert: undefined }, 'needs update, insert or run'],
    [{ run: () => 1 }, 'has run and SQL'],
    [{ update: 'update t set a = :a' }, 'update needs a key'],
    [{ key: { a: int() } }, '"a" is in the key and in the body'],
    [{ key: { k: int() }, insert: 'insert into t values (:a, :k)' }, 'only update has a key'],
    [{ insert: 'insert into t values (:b)' }, ':b is no parameter'],
    [{ insert: 'drop table t' }, 'insert must be an insert'],
    [{ insert: 'insert into t values (1); drop table t' }, 'one statement expected'],
    [{ optional: ['b'] }, 'optional names "b"'],
    [{ keys: {} }, 'unknown option "keys" (did you mean "key"?)'],
    [{ hooks: { afterupdate: () => 1 } }, 'did you mean "afterUpdate"?'],
    [{ changes: ['a/:b c'] }, 'is no parameter name'],
    [{ name: 'a/b' }, 'a name has no "/"'],
    [{ body: { a: 'int' } }, 'body.a must be a type'],
  ])('refuses %j', (options, why) => {
    expect(refusal(() => defineUpdater({ ...base, ...options }, { file: null }))).toContain(why)
  })
})

describe('validateBody', () => {
  const fault = (given: unknown, of: Updater = order) => refusal(() => validateBody(of, given))

  it('gives every field its value; a missing optional one is null', () => {
    expect(validateBody(order, body)).toEqual(body)
    const { note: _, ...rest } = body
    expect(validateBody(order, rest)).toEqual({ ...body, note: null })
    expect(validateBody(order, { ...body, note: null })).toEqual({ ...body, note: null })
  })

  it('keeps text exactly as it came', () => {
    for (const note of ['$1', ':id', '\u202e', 'line\nline', 'e\u0301', '', 'x'.repeat(100_000), "'; drop table t"]) {
      expect(validateBody(order, { ...body, note })['note']).toBe(note)
    }
  })

  it.each([
    [null, 'must be a JSON object'],
    [true, 'must be a JSON object'],
    ['x', 'must be a JSON object'],
    [[body], 'must be a JSON object'],
    [{}, 'The field "status" is missing'],
    [{ ...body, status: null }, 'The field "status" must be one of'],
    [{ ...body, status: 'gone' }, 'The field "status" must be one of "open", "closed"'],
    [{ ...body, stats: 1 }, 'The field "stats" is no field of this body (did you mean "status"?)'],
    [{ ...body, count: '3' }, 'The field "count" must be a whole number'],
    [{ ...body, count: 1.2345678901234567e19 }, 'The field "count" must be a whole number'],
    [{ ...body, price: 1.2345678901234567e19 }, 'The field "price" is a whole number that does not fit'],
    [{ ...body, day: '2026-02-30' }, 'The field "day" must be a date'],
    [{ ...body, note: 'a\ud800b' }, 'The field "note" holds half of a surrogate pair'],
    [{ ...body, note: 'a\u0000b' }, 'The field "note" holds U+0000'],
    [{ ...body, note: ['x'] }, 'The field "note" must be a string'],
    [JSON.parse('{"__proto__":{"isAdmin":true}}'), 'The field "__proto__"'],
    [{ ...body, constructor: 1 }, 'The field "constructor" is no field'],
  ])('refuses %#', (given, why) => {
    expect(fault(given)).toContain(why)
  })

  it('says which field', () => {
    expect(() => validateBody(order, { ...body, count: 'x' })).toThrow(
      expect.objectContaining({ code: 'INVALID_BODY', details: { field: 'count' } }),
    )
  })

  it('takes a schema for the whole body', () => {
    const byZod = updater({
      name: 'z',
      body: z.strictObject({ names: z.array(z.string()), at: z.coerce.date() }),
      run: () => null,
    })
    expect(validateBody(byZod, { names: ['a'], at: '2026-11-20' })).toEqual({
      names: ['a'],
      at: new Date('2026-11-20'),
    })
    expect(fault({ names: [1], at: 0 }, byZod)).toContain('names.0: ')
    expect(fault({ names: [], at: 0, more: 1 }, byZod)).toContain('The body is refused by its schema')
    expect(fault({ names: ['\ud800'], at: 0 }, byZod)).toContain('The field "names" holds half')
    expect(fault({ names: [JSON.parse('{"__proto__":1}')], at: 0 }, byZod)).toContain('__proto__')
    const wide = updater({ name: 'w', body: z.looseObject({}), run: () => null })
    let deep: unknown = 1
    for (let depth = 0; depth < 20_000; depth++) deep = [deep]
    expect(Object.keys(validateBody(wide, { deep, list: Array(150_000).fill(1) }))).toEqual(['deep', 'list'])
    const scalar = updater({ name: 's', body: z.object({}).transform(() => 5), run: () => null })
    expect(fault({}, scalar)).toContain('must give an object')
  })
})

describe('chooseStatement', () => {
  const choose = (of: Updater, key: object | null, given: object = {}) =>
    chooseStatement(of, { key: key as never, body: given as never })

  it('updates with a key in the URL, else inserts', () => {
    expect(choose(order, { order_id: 1 })).toEqual({ mode: 'update', statement: order.update })
    expect(choose(order, null)).toEqual({ mode: 'insert', statement: order.insert })
  })

  it('says which request there is when there is no such write', () => {
    const onlyUpdate = defineUpdater(
      { name: 'u', key: { a: int(), b: int() }, update: 'update t set x = :a + :b' },
      { file: null },
    )
    const onlyInsert = defineUpdater({ name: 'i', insert: 'insert into t values (1)' }, { file: null })
    expect(refusal(() => choose(onlyUpdate, null))).toBe('"u" only updates: PUT /update/u/{a}/{b}')
    expect(refusal(() => choose(onlyInsert, {}))).toBe('"i" only inserts: POST /update/i')
    expect(choose(updater({ name: 'r', run: () => 1 }), null)).toEqual({ mode: 'insert', statement: null })
  })
})

describe('.sql updaters', () => {
  it('is an update when it has a key, else an insert', () => {
    const one = updaterFromSql(
      `-- Moves an order on.
-- kck: key: { order_id: int }, body: { status: [open, closed], note: string }, optional: [note]
-- kck: changes: [customer_orders/:customer_id], source: shop, access: { groups: [staff] }
update orders set status = :status, note = :note where order_id = :order_id returning customer_id;`,
      'updaters/order_status.sql',
    )
    expect(one).toMatchObject({
      name: 'order_status',
      description: 'Moves an order on.',
      source: 'shop',
      key: { order_id: { name: 'int' } },
      body: { status: { name: 'enum' } },
      optional: ['note'],
      insert: null,
      update: { names: ['status', 'note', 'order_id'] },
      changes: ['customer_orders/:customer_id'],
      access: { groups: ['staff'] },
      file: 'updaters/order_status.sql',
    })
    expect(updaterFromSql('-- kck: body: { a: int }\ninsert into t values (:a)', 'u.sql')).toMatchObject({
      update: null,
      insert: { names: ['a'] },
    })
  })

  it('has both in sections', () => {
    const both = updaterFromSql(
      `-- kck: key: { id: int }, body: { a: int }
-- kck: insert
insert into t (a) values (:a) -- text
-- kck: update
update t set a = :a where id = :id`,
      'u.sql',
    )
    expect(both.insert?.positional).toBe('insert into t (a) values ($1)')
    expect(both.update?.positional).toBe('update t set a = $1 where id = $2')
  })

  it('says where it is wrong', () => {
    expect(refusal(() => updaterFromSql('-- kck: key: { id: int }\n-- kck: update\nupdte t', 'u.sql'))).toContain(
      'u.sql:3:1: syntax error',
    )
    expect(refusal(() => updaterFromSql('-- kck: bodi: {}\nselect 1', 'u.sql'))).toContain('did you mean "body"?')
    expect(refusal(() => updaterFromSql('insert into t values (1); select 1', 'u.sql'))).toContain('found 2')
  })
})

describe('.yml updaters of the original', () => {
  it.each([
    ['parameters: [{ name: a }]\nquery: { template: { insert: SELECT 1 } }', 'needs a database'],
    ['database: src', 'needs update, insert or run'],
    [
      'database: src\nparameters: [{ name: a }]\nquery: { template: { update: "UPDATE t SET a = :a" } }',
      'primary_key: true',
    ],
    ['database: src\nquery: { template: { insert: "INSERT INTO t VALUES (:a)" } }', ':a is no parameter'],
    ['database: src\nquery: { template: { upsert: x } }', 'unknown option "upsert"'],
    ['database: src\nquery:\n  template:\n    insert: SELEC 1', 'u.yml:4:1: syntax error'],
  ])('refuses %j', (text, why) => {
    expect(refusal(() => updaterFromYaml(text, 'u.yml'))).toContain(why)
  })
})

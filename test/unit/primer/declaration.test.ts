import { describe, expect, it } from 'vitest'
import type { Column } from '../../../src/ports/source.ts'
import { declarationFile, declarationFor } from '../../../src/primer/declaration.ts'
import { primerFromSql } from '../../../src/primer/sql-file.ts'
import { nullabilityOf } from '../../../src/sql/nullability.ts'
import { parseStatement } from '../../../src/sql/parse.ts'

const TABLES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  orders: { id: false, amount: false, note: true },
  items: { order_id: false, id: false, price: false },
}
const tables = ({ table }: { readonly table: string }, column: string) => TABLES[table]?.[column]
const columns = (...entries: readonly (readonly [string, string])[]): Column[] =>
  entries.map(([name, type]) => ({ name, type }))

describe('declarationFor', () => {
  it('writes parameters and rows as types', () => {
    const primer = primerFromSql(
      '-- kck: parameters: { customer_id: int, status: [open, closed] }\nselect id, amount, note, tags, data, big, "odd name" from orders where :customer_id = 1 and :status = note',
      'primers/customer_orders.sql',
    )
    const text = declarationFor(
      primer,
      columns(
        ['id', 'int4'],
        ['amount', 'numeric'],
        ['note', 'text'],
        ['tags', '_int4'],
        ['data', 'jsonb'],
        ['big', 'int8'],
        ['odd name', 'float8'],
      ),
      tables,
    )
    expect(text).toBe(`// Written by "kck types" from customer_orders.sql: change that, and run it again.
import type { JsonValue, ParameterType, Primer } from 'kck'

declare const customerOrders: Primer<{
  readonly customer_id: ParameterType<number>
  readonly status: ParameterType<"open" | "closed">
}, readonly {
  readonly id: number
  readonly amount: string
  readonly note: string | null
  readonly tags: readonly (number | null)[] | null
  readonly data: JsonValue | null
  readonly big: number | string | null
  readonly "odd name": number | 'NaN' | 'Infinity' | '-Infinity' | null
}[]>
export default customerOrders
`)
    expect(declarationFile('primers/customer_orders.sql')).toBe('primers/customer_orders.d.sql.ts')
  })

  const value = (header: string, sql: string) =>
    /Record<never, never>, (.*)>\nexport/s.exec(
      declarationFor(primerFromSql(`-- kck: ${header}\n${sql}`, 'class.sql'), columns(['id', 'int4']), tables),
    )?.[1]

  it('follows the shape of the result', () => {
    expect(value('result: rows', 'select id from orders')).toBe('readonly (readonly [number])[]')
    expect(value('result: row', 'select id from orders')).toBe('{\n  readonly id: number\n} | null')
    expect(value('result: row', 'select count(*)::int as id from orders')).toBe('{\n  readonly id: number\n}')
    expect(value('result: value', 'select id from orders')).toBe('number | null')
    expect(value('result: value', 'select max(id) as id from orders')).toBe('number | null')
    expect(value('result: value', 'select count(*)::int as id from orders')).toBe('number')
    expect(value('result: row, jsonpathFirst: $.id', 'select id from orders')).toBe('JsonValue')
  })

  it('declares no reserved name', () => {
    expect(declarationFor(primerFromSql('select 1 as id', 'class.sql'), [])).toContain('declare const _class:')
    expect(declarationFor(primerFromSql('select 1 as id', 'a.b-c.sql'), [])).toContain('declare const aBC:')
  })
})

describe('nullabilityOf', () => {
  const notNull = (sql: string, ...names: string[]) => [...nullabilityOf(parseStatement(sql), names, tables).notNull]
  const oneRow = (sql: string) => nullabilityOf(parseStatement(sql), [], tables).oneRow

  it.each([
    ['select id, note, amount as a from orders', ['id', 'a']],
    ['select o.id from orders o', ['id']],
    ['select * from orders', ['id', 'amount']],
    ['select o.id, order_id from orders o left join items i on true', ['id']],
    ['select amount, order_id from orders o right join items i on true', ['order_id']],
    ['select amount, price from orders o full join items i on true', []],
    ['select amount, price from orders o join items i on true', ['amount', 'price']],
    // Both tables have it, or a relation of unknown columns may.
    ['select id from orders, items', []],
    ['select amount from orders, unnest(array[1]) x', []],
    ['with orders as (select null as id) select id from orders', []],
    ['select id from orders as o(x, id)', []],
    ['select count(*) as n, coalesce(sum(amount), 0)::int as s, max(amount) as m from orders', ['n', 's']],
    ["select 1 as n, null as m, 'x' as s, amount + 1 as a, note || 'x' as b from orders", ['n', 's', 'a']],
    ['select id from orders union select null', []],
    ['select id from unknown', []],
  ])('%s', (sql, expected) => {
    expect(notNull(sql, 'id', 'amount', 'order_id', 'price', 'note', 'n', 'm', 's', 'a', 'b').sort()).toEqual(
      [...expected].sort(),
    )
  })

  it('knows what always is one row', () => {
    expect(oneRow('select count(*), coalesce(max(id), 0) + 1, 5 from orders where id = 1')).toBe(true)
    for (const sql of [
      'select id from orders',
      'select count(*) from orders group by id',
      'select count(*) from orders having count(*) > 1',
      'select count(*) from orders limit 0',
      'select count(*) from orders offset 1',
      'select count(*) over () from orders',
      'select unnest(array_agg(id)) from orders',
      'select count(*), unnest(array[1, 2]) from orders',
      'select count(*) from orders union select 1',
    ]) {
      expect(oneRow(sql)).toBe(false)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { parseStatement } from '../../../src/sql/parse.ts'
import type { SqlParameterType } from '../../../src/sql/statement.ts'
import { usageOf } from '../../../src/sql/usage.ts'

const TYPES: Record<string, SqlParameterType> = { id: 'int', text: 'text', day: 'date' }

/** `orders(customer_id=id) shop.items`: reads in short, sorted. */
function reads(text: string): string {
  return usageOf(parseStatement(text, { types: TYPES }))
    .reads.map(({ schema, table, equals }) => {
      const terms = Object.entries(equals).map(([column, parameter]) => `${column}=${parameter}`)
      return `${schema === null ? '' : `${schema}.`}${table}${terms.length === 0 ? '' : `(${terms})`}`
    })
    .sort()
    .join(' ')
}

describe('tables read', () => {
  it.each([
    ['select 1', ''],
    ['select * from orders', 'orders'],
    ['table shop.orders', 'shop.orders'],
    ['select * from "Odd Table", ONLY parts', 'Odd Table parts'],
    ['select (select max(x) from a), exists (select 1 from b) from c order by (select 1 from d)', 'a b c d'],
    ['select * from (select * from a) q, lateral (select * from b where b.x = q.x) r', 'a b'],
    ['select * from a union all (select * from b except select * from c)', 'a b c'],
    ['select * from a tablesample system(10)', 'a'],
    ['select * from a for update of a', 'a'],
    ['select * from a o for update of o', 'a'],
    ['select * from orders where x in (select id from orders)', 'orders'],
    ['values (1), ((select max(x) from a))', 'a'],
    ['select * from a group by x having count(*) > (select n from b) limit (select 1 from c)', 'a b c'],
    // Common table expressions hide tables of their name, where they are visible.
    ['with a as (select * from b) select * from a', 'b'],
    ['with a as (select * from a) select * from a', 'a'],
    ['with a as (select 1), b as (select * from a) select * from b, c', 'c'],
    ['with b as (select * from a), a as (select 1) select * from a, b', 'a'],
    ['with recursive b as (select * from a), a as (select 1) select * from a, b', ''],
    ['with a as (select 1) select * from shop.a', 'shop.a'],
    ['select * from (with a as (select 1) select * from a) q, a', 'a'],
    ['select * from (with a as (with b as (select * from c) select * from b) select * from a) q, b', 'b c'],
  ])('%s', (text, expected) => {
    expect(reads(text)).toBe(expected)
  })
})

describe('equality predicates', () => {
  it.each([
    ['select * from orders where customer_id = :id', 'orders(customer_id=id)'],
    ['select * from orders where :id = customer_id and x > 1', 'orders(customer_id=id)'],
    ['select * from orders o where o.customer_id = :id and (o.day = :day and true)', 'orders(customer_id=id,day=day)'],
    ['select count(*) from orders where customer_id = :id group by x having max(y) = :id', 'orders(customer_id=id)'],
    ['select * from a, b where a.x = b.x and a.id = :id', 'a(id=id) b'],
    ['select * from a, b where id = :id', 'a b'],
    ['select * from a join b using (id) where id = :id', 'a b'],
    ['select * from a o join a p on o.x = p.x where o.id = :id', 'a'],
    ['select * from a o join a p on o.x = p.x where o.id = :id and p.id = :text', 'a(id=id) a(id=text)'],
    ['select * from shop.a join b on a.x = b.x where a.id = :id', 'b shop.a(id=id)'],
    // Not certain: other operators, other terms, other shapes.
    ['select * from a where id = :id or x = 1', 'a'],
    ['select * from a where not (id = :id)', 'a'],
    ['select * from a where id <> :id and x < :id and y is not distinct from :id', 'a'],
    ['select * from a where id = any(:id) and x in (:id, :text)', 'a'],
    ['select * from a where lower(x) = :text and id + 1 = :id and id = :id + 1', 'a'],
    ['select * from a where id operator(shop.=) :id', 'a'],
    ['select * from a where case when id = :id then true else false end', 'a'],
    ['select * from a where (id, x) = (:id, :text)', 'a'],
    // Casts of the parameter that keep every value; others may change what is compared.
    ['select * from a where id = :id::bigint and t = :text::text', 'a(id=id,t=text)'],
    ['select * from a where id = :text::int', 'a'],
    ['select * from a where t = :text::varchar(3)', 'a'],
    ['select * from a where at = :day::timestamp', 'a'],
    ['select * from a where id::text = :text', 'a'],
    ['select * from a where id = :unknown::int', 'a'],
  ])('%s', (text, expected) => {
    expect(reads(text)).toBe(expected)
  })

  it.each([
    // WHERE drops rows filled with nulls too, so it is safe on every side.
    ['select * from a left join b on a.x = b.x where b.id = :id', 'a b(id=id)'],
    ['select * from a full join b on a.x = b.x where b.id = :id', 'a b(id=id)'],
    // ON filters both sides of an inner join, and only the side that may be missing of an outer join.
    ['select * from a join b on a.x = b.x and a.id = :id and b.id = :id', 'a(id=id) b(id=id)'],
    ['select * from a left join b on a.id = :id and b.id = :id', 'a b(id=id)'],
    ['select * from a right join b on a.id = :id and b.id = :id', 'a(id=id) b'],
    ['select * from a full join b on a.id = :id and b.id = :id', 'a b'],
    ['select * from a left join (b join c on b.id = :id and c.x = b.x) on a.x = b.x', 'a b(id=id) c'],
    ['select * from (a left join b on a.x = b.x) join c on a.id = :id and b.id = :id', 'a(id=id) b(id=id) c'],
    ['select * from (a join b on true) left join c on a.id = :id and c.id = :id', 'a b c(id=id)'],
    ['select * from a cross join b where a.id = :id', 'a(id=id) b'],
    ['select * from a natural join b where a.id = :id', 'a(id=id) b'],
  ])('joins: %s', (text, expected) => {
    expect(reads(text)).toBe(expected)
  })

  it.each([
    // A column without qualifier in a subquery may be the outer query's.
    ['select * from a where exists (select 1 from b where id = :id)', 'a b'],
    ['select * from a where exists (select 1 from b where b.id = :id)', 'a b(id=id)'],
    ['select * from a where not exists (select 1 from b where b.id = :id)', 'a b(id=id)'],
    ['select (select max(x) from b where b.id = a.id and a.id = :id) from a', 'a b'],
    ['select * from a where exists (select 1 from b where a.id = :id)', 'a b'],
    ['select * from a, lateral (select * from b where id = :id) q', 'a b'],
    ['select * from a where x in (with q as (select * from b where id = :id) select x from q)', 'a b'],
    // A subquery in FROM and a WITH query see no columns but their own.
    ['select * from (select * from a where id = :id) q where q.x = :text', 'a(id=id)'],
    ['with q as (select * from a where id = :id) select * from q where x = :text', 'a(id=id)'],
    ['select * from a where id = :id union select * from b where id = :id', 'a(id=id) b(id=id)'],
    // Names that hide or rename.
    ['select * from a as o(x, id) where o.id = :id', 'a'],
    ['select * from (a join b on true) as j where j.id = :id', 'a b'],
    ['select * from s.t, r.t where t.id = :id', 'r.t s.t'],
    ['select * from a, unnest(:text) u where id = :id', 'a'],
    ['select * from a, unnest(:text) u where a.id = :id', 'a(id=id)'],
    // Recursive queries read the whole table.
    [
      'with recursive q as (select * from a where id = :id union all select a.* from a join q on a.parent = q.id) select * from q',
      'a',
    ],
    ['with recursive q as (select 1) select * from a where id = :id', 'a(id=id)'],
  ])('scopes: %s', (text, expected) => {
    expect(reads(text)).toBe(expected)
  })
})

describe('writes, functions, columns', () => {
  const usage = (text: string) => usageOf(parseStatement(text))
  const writes = (text: string) =>
    usage(text).writes.map(({ schema, table }) => (schema ? `${schema}.${table}` : table))

  it.each([
    ['select * from a', [], 'a'],
    ['insert into shop.a (x) select x from b returning id, x as y', ['shop.a'], 'b'],
    ['update a set x = b.x from b where a.id = b.id', ['a'], 'b'],
    ['delete from a using b where a.id = (select 1 from c)', ['a'], 'b c'],
    ['merge into a using b on a.id = b.id when matched then delete', ['a'], 'b'],
    ['with gone as (delete from a returning *) select * from gone, b', ['a'], 'b'],
    ['select * into a from b', ['a'], 'b'],
    ['insert into a values (1) on conflict (id) do update set x = (select 1 from c)', ['a'], 'c'],
  ])('%s', (text, written, read) => {
    expect(writes(text)).toEqual(written)
    expect(reads(text)).toBe(read)
  })

  it('says when nothing is known', () => {
    expect(usage('select 1').opaque).toBe(false)
    for (const text of [
      'drop table a',
      'call p()',
      'set x = 1',
      'copy a to stdout',
      'explain select 1',
      'refresh materialized view v',
    ]) {
      expect(usage(text).opaque).toBe(true)
    }
  })

  it('lists functions that are not PostgreSQL’s own', () => {
    expect(usage('select lower(x), count(*), pg_catalog.upper(y), extract(year from z) from a').functions).toEqual([])
    expect(usage('select mine(x), shop.lower(y) from other(1), lateral third(2)').functions).toEqual([
      'mine',
      'other',
      'shop.lower',
      'third',
    ])
    expect(usage("select query_to_xml('select 1', true, true, '')").functions).toEqual(['query_to_xml'])
  })

  it('knows the columns that a statement gives back', () => {
    expect(usage('update a set x = 1 returning id, a.y, z as w, v::text, *').returns).toEqual([
      'id',
      'y',
      'w',
      'v',
      '*',
    ])
    expect(usage('with q as (update a set x = 1 returning *) select id, q.y from q').returns).toEqual(['id', 'y'])
    expect(usage('select 1 as n union select 2').returns).toEqual(['n'])
    expect(usage('delete from a').returns).toEqual([])
  })
})

describe('columns that are set', () => {
  it.each([
    ['update t set a = 1, b = :b where c = :c', ['a', 'b']],
    ['insert into t (a, b) values (:a, :b)', []],
    ['insert into t (a) values (:a) on conflict (a) do update set c = 2', ['c']],
    ['delete from t where a = :a', []],
    [
      'merge into t using u on t.a = u.a when matched then update set b = u.b when not matched then insert (a) values (u.a)',
      ['a', 'b'],
    ],
  ])('%s', (text, assigns) => {
    expect(usageOf(parseStatement(text)).assigns).toEqual(assigns)
  })
})

describe('rows that are written', () => {
  it.each([
    ['update t set a = :a where b = :b and c > :c', { b: 'b' }],
    ['update t set a = :a where b = :b or c = :c', {}],
    ['update t as x set a = :a from u where x.b = :b and c = :c', { b: 'b' }],
    ['delete from t where a = :a', { a: 'a' }],
    ['delete from t using u where t.a = u.a and t.b = :b', { b: 'b' }],
    ['insert into t (a, b) values (:x, now())', { a: 'x' }],
    ['insert into t (a) values (:x), (:y)', {}],
    ['insert into t (a) select b from u where b = :x', {}],
  ])('%s', (text, equals) => {
    expect(usageOf(parseStatement(text)).writes.find((write) => write.table === 't')?.equals).toEqual(equals)
  })
})

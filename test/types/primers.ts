/** Checked by the compiler, never run: what must compile, and (`@ts-expect-error`) what must not. */
import * as z from 'zod'
import {
  boolean,
  date,
  float,
  int,
  type Json,
  type JsonValue,
  oneOf,
  type ParametersOf,
  type Primer,
  primer,
  schema,
  string,
  updater,
  uuid,
} from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>) => undefined

const orders = primer({
  name: 'orders',
  parameters: { customer_id: int(), status: oneOf('open', 'closed') },
  softTtl: '5m',
  compute: (_, { customer_id, status }) => {
    same<typeof customer_id, number>(true)
    same<typeof status, 'open' | 'closed'>(true)
    return [{ id: 1n, at: new Date(), amount: 5, raw: new Uint8Array(), note: null as string | null }]
  },
})

same<
  typeof orders extends Primer<infer _, infer V> ? V : never,
  { id: bigint; at: Date; amount: number; raw: Uint8Array<ArrayBuffer>; note: string | null }[]
>(true)

const all = {
  s: string(),
  i: int(),
  f: float(),
  b: boolean(),
  d: date(),
  u: uuid(),
  e: oneOf(['x', 'y']),
  z: schema(z.coerce.number()),
}
same<
  ParametersOf<typeof all>,
  {
    readonly s: string
    readonly i: number
    readonly f: number
    readonly b: boolean
    readonly d: string
    readonly u: string
    readonly e: 'x' | 'y'
    readonly z: number
  }
>(true)

const sqlOnly = primer({ name: 'sql_only', parameters: { id: int() }, sql: 'select :id as id' })
same<typeof sqlOnly, Primer<{ readonly id: ReturnType<typeof int> }, JsonValue>>(true)

const noParameters = primer({ name: 'none', compute: () => 'text' })

export const composed = primer({
  name: 'composed',
  parameters: { customer_id: int() },
  async compute({ get, getMany, sql, rows, signal, tag }, { customer_id }) {
    const list = await get(orders, { customer_id, status: 'open' })
    // What is read is the JSON form, whichever tier it comes from.
    same<typeof list, { id: string; at: string; amount: number; raw: string; note: string | null }[]>(true)
    const many = await getMany(orders, [{ customer_id, status: 'closed' }])
    same<typeof many, (typeof list)[]>(true)
    const byKey = await get('orders/1/open')
    same<typeof byKey, JsonValue>(true)
    const anything = await get(sqlOnly, { id: 1 })
    same<typeof anything, Json<JsonValue>>(true)
    const text = await get(noParameters, {})
    same<typeof text, string>(true)
    const typed = await sql<{ n: number }>('select 1 as n', { customer_id })
    same<typeof typed, { n: number }[]>(true)
    await tag(`customer-${customer_id}`)
    signal.throwIfAborted()

    // @ts-expect-error a wrong name
    await get(orders, { customer: 1, status: 'open' })
    // @ts-expect-error a missing parameter
    await get(orders, { customer_id })
    // @ts-expect-error a wrong type
    await get(orders, { customer_id: '1', status: 'open' })
    // @ts-expect-error a text that is none of those
    await get(orders, { customer_id, status: 'gone' })
    // @ts-expect-error one too many
    await get(orders, { customer_id, status: 'open', more: 1 })
    // @ts-expect-error a field that its rows do not have
    list[0]?.total
    // @ts-expect-error a Date is text by now
    list[0]?.at.getTime()
    // @ts-expect-error wrong in a list as well
    await getMany(orders, [{ customer_id }])

    return { count: list.length, rows: rows as number[] }
  },
  augment(current, { changes }, { customer_id }) {
    same<typeof current, { count: number; rows: number[] }>(true)
    same<typeof customer_id, number>(true)
    return changes.length === 0 ? { ...current, count: current.count + 1 } : undefined
  },
})

const compute = () => 1
// @ts-expect-error an unknown option
primer({ name: 'p', compute, softTTL: '5m' })
// @ts-expect-error no name
primer({ compute })
// @ts-expect-error no such shape
primer({ name: 'p', sql: 'select 1', result: 'objects' })
// @ts-expect-error a type's name in place of a type
primer({ name: 'p', compute, parameters: { id: 'int' } })
// @ts-expect-error no such unit
primer({ name: 'p', compute, softTtl: { minute: 5 } })
// @ts-expect-error no such hook
primer({ name: 'p', compute, hooks: { afterprime: compute } })

updater({
  name: 'order_status',
  key: { order_id: int() },
  body: { status: oneOf('open', 'closed'), note: string() },
  optional: ['note'],
  async run({ key, body, sql, changed }) {
    same<typeof key.order_id, number>(true)
    same<typeof body.status, 'open' | 'closed'>(true)
    const [row] = await sql<{ customer_id: number }>('update orders set status = :status returning customer_id', {
      ...body,
    })
    if (row) changed({ key: `orders/${row.customer_id}/open` })
    // @ts-expect-error not in the body
    return body.order_id
  },
})
updater({
  name: 'by_schema',
  body: z.object({ names: z.array(z.string()) }),
  run: ({ body }) => same<typeof body, { names: string[] }>(true),
})
// @ts-expect-error no field of that name
updater({ name: 'u', body: { a: int() }, optional: ['b'], insert: 'insert into t values (:a)' })
// @ts-expect-error an unknown option
updater({ name: 'u', bodi: {}, run: compute })

same<
  Json<{ a?: Date; b: bigint | null; c: [1, Date]; d: { toJSON(): { e: Date } } }>,
  { a?: string | undefined; b: string | null; c: [1, string]; d: { e: string } }
>(true)
same<Json<() => void>, never>(true)

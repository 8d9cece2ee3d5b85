import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createMemoryRefreshQueue } from '../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import { int } from '../../src/key/scalar-types.ts'
import { createRegistry } from '../../src/primer/create-registry.ts'
import { primer } from '../../src/primer/primer.ts'
import { createProcessWorker } from '../../src/process/process-worker.ts'
import { statementOf } from '../../src/sql/parse.ts'
import { drain } from '../../src/watch/drain.ts'
import { removeOutbox, unwatchTables, watchTables } from '../../src/watch/install.ts'
import { noteWatched } from '../../src/watch/watch-job.ts'
import { hasSchema, watchStatus } from '../../src/watch/watched.ts'
import type { SourceHarness } from '../conformance/source.ts'
import { openPgliteSource, openPostgresSource, openRdsDataSource } from '../support/sources.ts'

const SHOP = [
  'create schema sales',
  'create table sales.customers (id int primary key, name text)',
  `create table sales.orders (id bigint primary key, customer_id int not null references sales.customers, day date,
    price numeric, note text)`,
  `insert into sales.customers select n, 'c' || n from generate_series(1, 50) n`,
  `insert into sales.orders select n, 1 + n % 50, date '2026-01-01' + n % 10, n, 'x' from generate_series(1, 500) n`,
]

const orders = primer({
  name: 'orders',
  parameters: { customer_id: int() },
  sql: 'select count(*)::int as n, sum(price) as total from sales.orders where customer_id = :customer_id',
  result: 'row',
})
const order = primer({
  name: 'order',
  parameters: { id: int() },
  sql: 'select * from sales.orders where id = :id',
  result: 'row',
})
const all = primer({ name: 'all', sql: 'select count(*)::int from sales.orders', result: 'value' })
const customers = primer({ name: 'customers', sql: 'select count(*)::int from sales.customers', result: 'value' })

const harnesses: readonly [string, (server: string) => Promise<SourceHarness>][] = [
  ['PostgreSQL', openPostgresSource],
  ['the Data API', openRdsDataSource],
  ['PGlite', openPgliteSource],
]

describe.each(harnesses)('watching tables of %s', (_, open) => {
  let harness: SourceHarness
  let world: ReturnType<typeof worldOver>

  beforeAll(async () => {
    harness = await open(inject('postgres').connectionString)
    world = worldOver(harness)
    for (const text of SHOP) await world.sql(text)
    await watchTables(world.deps, ['sales.orders', 'sales.customers'])
  }, 60_000)
  afterAll(() => harness.close())

  test('writes down keys and indexed columns', async () => {
    const [watched] = await watchTables(world.deps, ['sales.orders'], { columns: ['day', 'price', 'no_such'] })
    expect(watched?.table).toBe('sales.orders')
    // Equal prices may print differently, so nobody can be told by them.
    expect(watched?.columns.toSorted()).toEqual(['customer_id', 'day', 'id'])
  })

  test.each([
    ['an update', 'update sales.orders set note = 1 where id = 7', ['orders/8', 'order/7']],
    [
      'an update of the key',
      'update sales.orders set id = 1007 where id = 17',
      ['orders/18', 'order/17', 'order/1007'],
    ],
    [
      'a row that moves',
      'update sales.orders set customer_id = 30 where id = 28',
      ['orders/29', 'orders/30', 'order/28'],
    ],
    ['a delete', 'delete from sales.orders where id = 38', ['orders/39', 'order/38']],
    ['an insert', "insert into sales.orders values (3000, 40, '2026-01-01', 1, '')", ['orders/40', 'order/3000']],
    [
      'an upsert',
      "insert into sales.orders values (41, 42, '2026-01-01', 1, '') on conflict (id) do update set price = 7",
      ['orders/42', 'order/41'],
    ],
    ['nothing', 'update sales.orders set note = 2 where id = -1', []],
  ])('%s makes stale what rests on it and nothing else', async (_what, text, expected) => {
    const products = [
      ...range(50).map((n) => `orders/${n}`),
      ...['7', '17', '1007', '28', '38', '3000', '41', '99'].map((n) => `order/${n}`),
    ]
    await world.freshen([...products, 'all', 'customers'])
    await world.sql(text)
    await world.drained()
    const stale = await world.stale([...products, 'all', 'customers'])
    expect(stale.toSorted()).toEqual((expected.length > 0 ? [...expected, 'all'] : []).toSorted())
    await world.freshen(products)
    for (const key of expected) expect(await world.kck.get(key)).toEqual(await world.now(key))
  })

  test('a bulk statement is told by the columns that it shares; one that touches too much, of all the table', async () => {
    const products = ['orders/3', 'orders/4', 'order/2', 'all', 'customers']
    await world.freshen(products)
    await world.sql(`insert into sales.orders select n, 3, '2026-01-01', 1, '' from generate_series(10001, 12000) n`)
    await world.drained()
    // By customer as it is; by id as all of them, for there are too many.
    expect(await world.stale(products)).toEqual(['orders/3', 'order/2', 'all'])
    await world.freshen(products)
    await world.sql('truncate sales.orders')
    await world.drained()
    expect(await world.stale(products)).toEqual(['orders/3', 'orders/4', 'order/2', 'all'])
  })

  test('a rolled back write is not told; a change in a table without its columns is one of all rows', async () => {
    await world.freshen(['orders/3', 'orders/4'])
    await harness.source
      .transaction(async (transaction) => {
        await transaction.query(statementOf("insert into sales.orders values (5000, 3, '2026-01-01', 1, '')"), {})
        throw new Error('no')
      })
      .catch(() => undefined)
    await world.drained()
    expect(await world.stale(['orders/3', 'orders/4'])).toEqual([])
    await world.sql('alter table sales.orders rename column day to date_of')
    await world.sql("insert into sales.orders values (5001, 3, '2026-01-01', 1, '')")
    await world.drained()
    expect(await world.stale(['orders/3', 'orders/4'])).toEqual(['orders/3', 'orders/4'])
    await watchTables(world.deps, ['sales.orders'])
    await world.freshen(['orders/3', 'orders/4'])
    await world.sql("insert into sales.orders values (5002, 3, '2026-01-01', 1, '')")
    await world.drained()
    expect(await world.stale(['orders/3', 'orders/4'])).toEqual(['orders/3'])
  })

  test('the process worker drains as soon as it hears of it', async () => {
    await noteWatched(world.deps, 'main', true)
    const stop = new AbortController()
    const worker = createProcessWorker({ ...world.deps, kck: world.kck, sources: new Map([['main', harness.source]]) })
    const running = worker.run(stop.signal)
    await world.freshen(['orders/4'])
    await world.sql("insert into sales.orders values (6000, 4, '2026-01-01', 1, '')")
    while ((await world.stale(['orders/4'])).length === 0) await systemClock.sleep(5)
    stop.abort()
    await running
    expect(await watchStatus(harness.source)).toMatchObject({ waiting: 0, lagMs: 0 })
  })

  test('says what is watched and how long changes wait; a view cannot be', async () => {
    await world.sql('create view sales.v as select 1 as one')
    await expect(watchTables(world.deps, ['sales.v'])).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(watchTables(world.deps, ['sales.none'])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await world.sql("insert into sales.orders values (7000, 4, '2026-01-01', 1, '')")
    const { waiting, tables } = await watchStatus(harness.source)
    expect({ waiting, tables }).toEqual({
      waiting: 1,
      tables: [
        { table: 'sales.customers', enabled: true },
        { table: 'sales.orders', enabled: true },
      ],
    })
    await world.sql('alter table sales.orders disable trigger user')
    expect((await watchStatus(harness.source)).tables[1]).toEqual({ table: 'sales.orders', enabled: false })
    await watchTables(world.deps, ['sales.orders'])
    expect((await watchStatus(harness.source)).tables[1]).toEqual({ table: 'sales.orders', enabled: true })
    await world.drained()
  })

  test('leaves nothing behind', async () => {
    expect(await unwatchTables(world.deps, ['sales.orders'])).toEqual(['sales.orders'])
    expect(await unwatchTables(world.deps, ['sales.orders'])).toEqual([])
    expect(await removeOutbox(world.deps)).toBe(false)
    await unwatchTables(world.deps, ['sales.customers'])
    expect(await removeOutbox(world.deps)).toBe(true)
    expect(await hasSchema(harness.source)).toBe(false)
    const left = await harness.source.query(
      statementOf("select count(*)::int from pg_trigger where tgname like 'kck%'"),
      {},
    )
    expect(left.rows).toEqual([[0]])
    await world.sql("insert into sales.orders values (8000, 4, '2026-01-01', 1, '')")
  })
})

const range = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

function worldOver({ source }: SourceHarness) {
  const clock = systemClock
  const entropy = systemEntropy
  const store = openMemoryStore({ clock })
  const queue = createMemoryRefreshQueue({ clock, entropy })
  const registry = createRegistry({ primers: [orders, order, all, customers] })
  const sources = new Map([['main', source]])
  const ports = { registry, store, sources, queue, clock, entropy }
  const kck = createKck({ ...ports, options: { nearCacheBytes: 0 } })
  const fresh = createKck({ ...ports, store: openMemoryStore({ clock }), options: { nearCacheBytes: 0 } })
  return {
    kck,
    deps: { source, store, queue, clock, entropy },
    sql: (text: string) => source.transaction((transaction) => transaction.query(statementOf(text), {})),
    drained: () => drain({ kck, source }, new AbortController().signal),
    freshen: async (keys: readonly string[]): Promise<void> => {
      await kck.fetchMany(keys, { maxStaleMs: 0, deadline: Number.POSITIVE_INFINITY })
    },
    stale: async (keys: readonly string[]) => {
      const found = await kck.fetchMany(keys)
      return keys.filter(
        (_, index) => 'state' in (found[index] ?? {}) && (found[index] as { state: string }).state === 'stale',
      )
    },
    /** As a cache that knows nothing computes it. */
    now: async (key: string) => {
      await fresh.purge(key)
      return fresh.get(key)
    },
  }
}

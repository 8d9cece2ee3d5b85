import { createMemoryRefreshQueue } from '../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import { createPgliteSource } from '../../src/adapters/pglite/source.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../src/adapters/system/clock.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import type { Kck } from '../../src/kck/kck.ts'
import { int } from '../../src/key/scalar-types.ts'
import { string } from '../../src/key/string-types.ts'
import type { Source } from '../../src/ports/source.ts'
import { createRegistry } from '../../src/primer/create-registry.ts'
import { primer } from '../../src/primer/primer.ts'
import { updater } from '../../src/updater/updater.ts'

const initSql = `
  create table customer (id int primary key, name text, age int);
  insert into customer values (7, 'Anna', 40);
  create table orders (id int primary key, customer_id int, amount numeric);
  insert into orders select n, n % 10, n * 1.5 from generate_series(1, 100) n;
`

const customerOrders = primer({
  name: 'customer_orders',
  parameters: { customer_id: int() },
  sql: 'select id, amount from orders where customer_id = :customer_id order by id',
  softTtl: '1h',
})

const customer = primer({
  name: 'customer',
  parameters: { id: int() },
  sql: 'select id, name, age from customer where id = :id',
  result: 'row',
  afterUpdates: ['customer/:id'],
})

const byName = primer({
  name: 'by_name',
  parameters: { name: string() },
  compute: (_, { name }) => ({ name }),
  softTtl: '1h',
})

const membersOnly = primer({
  name: 'members_only',
  parameters: { id: int() },
  compute: (_, { id }) => id,
  access: 'authenticated',
})

const tenantOrders = primer({
  name: 'tenant_orders',
  parameters: { tenant: string({ claim: 'tenant' }) },
  compute: (_, { tenant }) => ({ tenant }),
  access: 'authenticated',
})

const broken = primer({ name: 'broken', sql: 'select 1 / (id - id) as x from customer where id = 7' })

const customerUpdater = updater({
  name: 'customer',
  key: { id: int() },
  body: { name: string(), age: int() },
  optional: ['name', 'age'],
  update: 'update customer set name = :name, age = :age where id = :id returning id, name',
})

/** An embedded PostgreSQL with a few customers. Resolves when it answers; that takes seconds, so one does for a file. */
export async function openShop(): Promise<Source> {
  const source = createPgliteSource({ name: 'shop', dataDir: 'memory', initSql, statementTimeoutMs: 110_000 })
  await source.ping()
  return source
}

/** The whole system over such a shop and a new store in memory. Closing it leaves the shop open. */
export function createRealKck(shop: Source): Kck {
  const source: Source = {
    name: shop.name,
    query: (...query) => shop.query(...query),
    transaction: (...transaction) => shop.transaction(...transaction),
    describe: (statement) => shop.describe(statement),
    ping: (options) => shop.ping(options),
    close: () => Promise.resolve(),
  }
  return createKck({
    registry: createRegistry({
      primers: [customerOrders, customer, byName, membersOnly, tenantOrders, broken],
      updaters: [customerUpdater],
    }),
    store: openMemoryStore({ clock }),
    sources: new Map([['shop', source]]),
    queue: createMemoryRefreshQueue({ clock, entropy }),
    clock,
    entropy,
  })
}

import { createPostgresSource } from '../src/adapters/postgres/source.ts'
import { systemClock as clock, systemEntropy as entropy } from '../src/adapters/system/clock.ts'
import { subscribe } from '../src/events.ts'
import { int, primer, updater } from '../src/index.ts'
import { createKck } from '../src/kck/create-kck.ts'
import type { Kck } from '../src/kck/kck.ts'
import { createRegistry } from '../src/primer/create-registry.ts'
import type { ComputeContext, Delta } from '../src/primer/definition.ts'
import type { Benchmark } from './support/benchmark.ts'
import { openParts } from './support/refresh/parts.ts'
import { startDatabase } from './support/services.ts'
import { median } from './support/statistics.ts'
import { formatRatio } from './support/table.ts'

type Way = 'augmented' | 'recomputed'

interface Sample {
  readonly product: string
  readonly way: Way
  /** Milliseconds from asking for the fresh value until it is there. */
  readonly ms: number
}

const TOTAL = 'select count(*)::int as pairs, sum(qty)::int as qty from orders'

/** Pairs of orders that have something in common and lie within 30 days of each other, and what the later ones sold. */
const pairsBy = (column: string) => `select count(*)::int as pairs, sum(later.qty)::int as qty
  from orders later join orders earlier on earlier.${column} = later.${column}
    and earlier.order_id < later.order_id and abs(earlier.ordered_at - later.ordered_at) <= 30`

interface Figures {
  readonly pairs: number
  readonly qty: number
}

/** What the updater gives back of a new order: what it sold, and with how many earlier ones it makes a pair. */
interface Ordered {
  readonly qty: number
  readonly of_customer: number
  readonly of_product: number
}

const PRODUCTS = [
  { name: 'order_total', what: 'the sum of 200,988 orders', sql: TOTAL, pairs: () => 1 },
  {
    name: 'repeat_orders',
    what: 'pairs of orders of one customer within 30 days',
    sql: pairsBy('customer_id'),
    pairs: (order: Ordered) => order.of_customer,
  },
  {
    name: 'same_orders',
    what: 'pairs of orders of one product within 30 days',
    sql: pairsBy('product_id'),
    pairs: (order: Ordered) => order.of_product,
  },
] as const

/** A product made from its last value and what changed, against a recompute of the same. */
export const benchmark: Benchmark = async ({ rounds, cleanup, say }) => {
  say('Starting PostgreSQL ...')
  const database = await startDatabase(cleanup)
  const source = createPostgresSource({ name: 'main', connectionString: database.connectionString })
  cleanup.add(() => source.close())
  const samples: Sample[] = []
  for (const way of ['recomputed', 'augmented'] as const) {
    const registry = createRegistry({ primers: primersOf(way), updaters: [newOrder] })
    const parts = await openParts('lmdb', cleanup)
    const options = { augmentSampling: 0, deadlineMs: 120_000 }
    const kck = createKck({ ...parts, registry, sources: new Map([['main', source]]), clock, entropy, options })
    for (const { name } of PRODUCTS) await kck.fetch(name)
    for (let round = 0; round < rounds; round++) {
      await kck.update('new_order', { customer_id: 1 + round * 17, product_id: 1 + round * 19, qty: 2 + round })
      for (const { name } of PRODUCTS) {
        const ms = await measure(kck, name, way)
        samples.push({ product: name, way, ms })
        say(`${name}, ${way}: ${ms.toFixed(1)} ms`)
      }
    }
    if (way === 'augmented') await expectSame(kck)
  }
  const rows = PRODUCTS.map(({ name, what }) => {
    const middle = (way: Way) =>
      median(samples.filter((sample) => sample.product === name && sample.way === way).map(({ ms }) => ms))
    const [recomputed, augmented] = [middle('recomputed'), middle('augmented')]
    return [what, recomputed, augmented, formatRatio(recomputed / augmented)]
  })
  const columns = ['product', 'recomputed ms', 'augmented ms', 'faster']
  const notes = [
    'After one new order each: from asking for the fresh value until it is there; on lmdb, with PostgreSQL',
    'After the last order the augmented values are compared with recomputed ones: they are equal',
  ]
  return { tables: [{ title: 'A fresh value after a change', columns, rows }], notes, samples }
}

async function measure(kck: Kck, name: string, way: Way): Promise<number> {
  let augmented = 0
  const stop = subscribe((event) => {
    if (event.type === 'augment' && event.outcome === 'applied') augmented++
  })
  const began = performance.now()
  await kck.get(name, { maxStaleMs: 0 })
  const ms = performance.now() - began
  stop()
  if (augmented !== (way === 'augmented' ? 1 : 0)) throw new Error(`${name} was not ${way}`)
  return ms
}

/** What was augmented again and again must be what the database says. */
async function expectSame(kck: Kck): Promise<void> {
  for (const { name } of PRODUCTS) {
    const augmented = JSON.stringify(await kck.get(name))
    const computed = JSON.stringify(await kck.get(name, { noCache: true }))
    if (augmented !== computed) throw new Error(`${name}: augmented ${augmented}, computed ${computed}`)
  }
}

function primersOf(way: Way) {
  return PRODUCTS.map(({ name, sql, pairs }) => {
    const augment = (current: Figures, { changes }: Delta): Figures => {
      const orders = changes.map(({ after }) => after as unknown as Ordered)
      return {
        pairs: orders.reduce((sum, order) => sum + pairs(order), current.pairs),
        qty: orders.reduce((sum, order) => sum + pairs(order) * order.qty, current.qty),
      }
    }
    const compute = async (context: ComputeContext) => (await context.sql<Figures>(sql))[0] ?? { pairs: 0, qty: 0 }
    return primer({ name, compute, ...(way === 'augmented' ? { augment } : {}) })
  })
}

const newOrder = updater({
  name: 'new_order',
  body: { customer_id: int(), product_id: int(), qty: int() },
  insert: `insert into orders (order_id, customer_id, product_id, qty, status, ordered_at)
    values ((select max(order_id) + 1 from orders), :customer_id, :product_id, :qty, 'new', date '2025-06-01')
    returning qty,
      (select count(*)::int from orders earlier
        where earlier.customer_id = :customer_id and abs(earlier.ordered_at - date '2025-06-01') <= 30) as of_customer,
      (select count(*)::int from orders earlier
        where earlier.product_id = :product_id and abs(earlier.ordered_at - date '2025-06-01') <= 30) as of_product`,
  changes: PRODUCTS.map(({ name }) => name),
})

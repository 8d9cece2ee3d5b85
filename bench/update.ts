import type { Benchmark } from './support/benchmark.ts'
import { getRequest, putRequest, sendAll } from './support/client.ts'
import { startOriginal } from './support/original.ts'
import { startDatabase, startKeyspace, startRedis } from './support/services.ts'
import { interleave, median, percentile } from './support/statistics.ts'
import { type System, Systems } from './support/systems.ts'

const ORIGINAL = 'original KCK 0.6.3'
const CONCURRENT = 8
const CUSTOMERS = 1000
const STATUSES = ['new', 'paid', 'shipped', 'returned']

interface Sample {
  readonly system: string
  readonly updatesPerSecond: number
  readonly p50: number
  readonly p99: number
}

/** Writes per second through an updater on which one product depends, which was cached before. */
export const benchmark: Benchmark = async ({ seconds, rounds, cleanup, say }) => {
  const notes: string[] = []
  say('Starting PostgreSQL, Cassandra and Redis ...')
  const database = await startDatabase(cleanup)
  const keyspace = await startKeyspace(cleanup)
  const systems = new Systems({ database, keyspace, cleanup })
  const measured: System[] = []
  for (const kind of ['memory', 'lmdb', 'cassandra'] as const) {
    measured.push({ name: `KCK, ${kind}`, server: await systems.kck(kind) })
  }
  const redisPort = await startRedis(cleanup)
  if (redisPort === null) notes.push('bentocache is missing: redis-server is not installed')
  else measured.push({ name: 'bentocache, the write and a delete', server: await systems.bentocache(redisPort) })
  measured.push({ name: 'the write alone', server: await systems.postgres() })
  say('Starting the original KCK (installed at the first time) ...')
  const { connectionString } = database
  const original = await startOriginal(
    { connectionString, cassandra: keyspace, keyspace: keyspace.keyspace, fill: 0 },
    cleanup,
  )
  if (typeof original === 'string') notes.push(`The original KCK is missing: ${original}`)
  else measured.push({ name: ORIGINAL, server: original })

  // One order of each customer.
  const orders = await database.query(
    'select min(order_id) as id from orders group by customer_id order by customer_id',
  )
  const ids = orders.slice(0, CUSTOMERS).map(({ id }) => Number(id))
  const cached = ids.map((_, index) => getRequest(`/fetch/recent_orders/${index + 1}`))
  // Not in the original: it remembers what a process primed and writes all of it into every row of its queue, which
  // after 1,000 products makes it thirty times slower than it is here.
  for (const { name, server } of measured) if (name !== ORIGINAL) await sendAll(server.port, cached, CONCURRENT)
  const samples: Sample[] = []
  for (const [index, { name, server }] of interleave(measured, rounds).entries()) {
    const round = Math.floor(index / measured.length)
    const form = name === ORIGINAL
    const sample = { system: name, ...(await update(server.port, { ids, seconds, form, from: index })) }
    samples.push(sample)
    say(`${round + 1}/${rounds} ${name}: ${Math.round(sample.updatesPerSecond)}/s`)
  }
  const rows = measured.map(({ name }) => {
    const of = samples.filter(({ system }) => system === name)
    const middle = (figure: 'updatesPerSecond' | 'p50' | 'p99') => median(of.map((sample) => sample[figure]))
    return [name, middle('updatesPerSecond'), middle('p50'), middle('p99')]
  })
  notes.push('The PostgreSQL server runs without fsync, so a write costs no disk')
  const title = `PUT /update, ${CONCURRENT} at a time, one product depends on each`
  return { tables: [{ title, columns: ['system', 'per second', 'p50 ms', 'p99 ms'], rows }], notes, samples }
}

interface Updates {
  /** An order of each customer. */
  readonly ids: readonly number[]
  readonly seconds: number
  /** The original takes forms only. */
  readonly form: boolean
  /** So that each turn writes other values. */
  readonly from: number
}

async function update(port: number, { ids, seconds, form, from }: Updates): Promise<Omit<Sample, 'system'>> {
  const latencies: number[] = []
  const began = performance.now()
  const until = began + seconds * 1000
  for (let turn = from; performance.now() < until; turn++) {
    const requests = ids.slice(0, 200).map((_, index) => {
      const customer = (turn * 200 + index) % ids.length
      const [id, status] = [ids[customer], STATUSES[(turn + index) % STATUSES.length]]
      const [type, body] = form
        ? ['application/x-www-form-urlencoded', `order_id=${id}&status=${status}`]
        : ['application/json', JSON.stringify({ order_id: id, status })]
      return putRequest(
        `/update/${form ? 'order_status' : 'set_order_status'}/${customer + 1}`,
        type as string,
        body as string,
      )
    })
    for (const { ms } of await sendAll(port, requests, CONCURRENT)) latencies.push(ms)
  }
  return {
    updatesPerSecond: (latencies.length * 1000) / (performance.now() - began),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  }
}

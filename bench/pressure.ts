import { setTimeout as sleep } from 'node:timers/promises'
import type { Benchmark } from './support/benchmark.ts'
import { getOnce, getRequest, sendAll } from './support/client.ts'
import { type MixedResult, mixedLoad } from './support/mixed-load.ts'
import { startSmallDatabase } from './support/small-database.ts'
import { interleave, median } from './support/statistics.ts'
import { type System, Systems } from './support/systems.ts'

const CUSTOMERS = 1000
const PRODUCTS = 100
const CONNECTIONS = 32
/** Of each server to PostgreSQL, which has a few more for those who look. */
const POOL_SIZE = 4

interface Sample extends MixedResult {
  readonly system: string
  readonly queries: number
  readonly cpuMs: number
}

interface Measured extends System {
  readonly writeHeaders: string
  readonly isKck: boolean
}

/** What a database of one core can serve: by itself, behind KCK, and behind KCK with writes that wait. */
export const benchmark: Benchmark = async ({ seconds, rounds, cleanup, say }) => {
  say('Starting PostgreSQL on one core ...')
  const database = await startSmallDatabase(cleanup, 3 * POOL_SIZE + 4)
  const systems = new Systems({ database, keyspace: null, cleanup, poolSize: POOL_SIZE })
  const kck = { working: true } as const
  const waiting = 'prefer: respond-async\r\n'
  const measured: readonly Measured[] = [
    { name: 'PostgreSQL alone', server: await systems.postgres(), writeHeaders: '', isKck: false },
    { name: 'KCK', server: await systems.kck('lmdb', kck), writeHeaders: '', isKck: true },
    {
      name: 'KCK, cached writes',
      server: await systems.kck('lmdb', { ...kck, apart: true }),
      writeHeaders: waiting,
      isKck: true,
    },
  ]
  const found = await database.query('select min(order_id) as id from orders group by customer_id order by customer_id')
  const orders = found.slice(0, CUSTOMERS).map(({ id }) => Number(id))
  const samples: Sample[] = []
  for (const [index, { name, server, writeHeaders, isKck }] of interleave(measured, rounds).entries()) {
    // Every round begins with the same data, and with products that have seen it.
    await database.query("update orders set status = 'new' where order_id = any($1)", [orders])
    const warm = [
      ...orders.map((_, customer) => getRequest(`/fetch/recent_orders/${customer + 1}`, 'cache-control: no-cache\r\n')),
      ...Array.from({ length: PRODUCTS }, (_, product) => getRequest(`/fetch/product_stats/${product + 1}`)),
    ]
    await sendAll(server.port, warm, POOL_SIZE)
    const before = await database.work()
    const load = { port: server.port, orders, products: PRODUCTS, connections: CONNECTIONS, seconds, writeHeaders }
    const result = await mixedLoad(load)
    // What it still owes the database counts too.
    if (isKck) await untilIdle(server.port)
    const after = await database.work()
    const sample = {
      system: name,
      ...result,
      queries: after.queries - before.queries,
      cpuMs: after.cpuMs - before.cpuMs,
    }
    samples.push(sample)
    const { requestsPerSecond, failed } = sample
    say(
      `${Math.floor(index / measured.length) + 1}/${rounds} ${name}: ${Math.round(requestsPerSecond)}/s, ${failed} failed`,
    )
  }
  const rows = measured.map(({ name }) => {
    const of = samples.filter(({ system }) => system === name)
    const middle = (figure: (sample: Sample) => number) => median(of.map(figure))
    return [
      name,
      middle((sample) => sample.requestsPerSecond),
      middle((sample) => sample.readP99),
      middle((sample) => sample.writeP99),
      middle((sample) => (sample.queries * 1000) / sample.requests),
      middle((sample) => sample.cpuMs / sample.requests),
      middle((sample) => (sample.stale * 100) / Math.max(1, sample.looked)),
      middle((sample) => sample.staleP99),
    ]
  })
  const notes = [
    `${CONNECTIONS} connections of clients, ${POOL_SIZE} of each server to PostgreSQL; KCK's store is LMDB`,
    'A read is stale when it lacks a write that was answered before the read began',
    ...(database.isBound ? [] : ['PostgreSQL has all cores: taskset is not installed']),
  ]
  const columns = [
    'system',
    'requests/s',
    'read p99 ms',
    'write p99 ms',
    'queries per 1,000',
    'database CPU ms per request',
    'stale reads %',
    'stale p99 ms',
  ]
  return { tables: [{ title: '95% reads (Zipf), 5% writes', columns, rows }], notes, samples }
}

const IDLE_WITHIN_MS = 60_000

/** Until no write waits and no refresh is asked for any more. */
async function untilIdle(port: number): Promise<void> {
  const until = performance.now() + IDLE_WITHIN_MS
  while (performance.now() < until) {
    const health = JSON.parse((await getOnce(port, '/healthz')).body)
    const { depth } = JSON.parse((await getOnce(port, '/operate/queue')).body)
    const refreshes = Object.values<number>(depth).reduce((sum, count) => sum + count, 0)
    if ((health.writes?.writes ?? 0) + refreshes === 0) return
    await sleep(200)
  }
}

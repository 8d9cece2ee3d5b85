import type { Benchmark } from './support/benchmark.ts'
import { getRequest, sendAll } from './support/client.ts'
import { startDatabase, startKeyspace, startRedis } from './support/services.ts'
import { interleave, median, percentile } from './support/statistics.ts'
import { type System, Systems } from './support/systems.ts'

const CONCURRENT = 32
const CUSTOMERS = 6000

interface Sample {
  readonly system: string
  readonly missesPerSecond: number
  readonly p50: number
  readonly p99: number
}

/** Misses per second: every request is for a key that nobody has asked for before. */
export const benchmark: Benchmark = async ({ rounds, cleanup, say }) => {
  const notes: string[] = []
  say('Starting PostgreSQL, Cassandra and Redis ...')
  const systems = new Systems({
    database: await startDatabase(cleanup),
    keyspace: await startKeyspace(cleanup),
    cleanup,
  })
  const measured: System[] = []
  for (const kind of ['memory', 'lmdb', 'cassandra'] as const) {
    measured.push({ name: `KCK, ${kind}`, server: await systems.kck(kind) })
  }
  const redisPort = await startRedis(cleanup)
  if (redisPort === null) notes.push('bentocache is missing: redis-server is not installed')
  else measured.push({ name: 'bentocache, memory + Redis', server: await systems.bentocache(redisPort) })
  measured.push({ name: 'the query alone, nothing kept', server: await systems.postgres() })

  // The first slice of the customers is for warming up.
  const keys = Math.floor(CUSTOMERS / (rounds + 1))
  for (const { server } of measured) await miss(server.port, 0, Math.min(keys, 500))
  const samples: Sample[] = []
  for (const [index, { name, server }] of interleave(measured, rounds).entries()) {
    const round = 1 + Math.floor(index / measured.length)
    const sample = { system: name, ...(await miss(server.port, round * keys, keys)) }
    samples.push(sample)
    say(`${round}/${rounds} ${name}: ${Math.round(sample.missesPerSecond)}/s`)
  }
  const rows = measured.map(({ name }) => {
    const of = samples.filter(({ system }) => system === name)
    const middle = (figure: 'missesPerSecond' | 'p50' | 'p99') => median(of.map((sample) => sample[figure]))
    return [name, middle('missesPerSecond'), middle('p50'), middle('p99')]
  })
  const title = `Misses, ${CONCURRENT} at a time, ${keys} keys a round`
  return { tables: [{ title, columns: ['system', 'per second', 'p50 ms', 'p99 ms'], rows }], notes, samples }
}

async function miss(port: number, after: number, count: number): Promise<Omit<Sample, 'system'>> {
  const requests = Array.from({ length: count }, (_, index) =>
    getRequest(`/fetch/customer_orders/${after + index + 1}`),
  )
  const began = performance.now()
  const replies = await sendAll(port, requests, CONCURRENT)
  const missesPerSecond = (count * 1000) / (performance.now() - began)
  const latencies = replies.map(({ ms }) => ms)
  return { missesPerSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
}

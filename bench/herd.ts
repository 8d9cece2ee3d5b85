import type { Benchmark, Settings } from './support/benchmark.ts'
import { Connection, getRequest, sendAll } from './support/client.ts'
import type { ServerProcess } from './support/process.ts'
import { type Database, type Keyspace, startDatabase, startKeyspace, startRedis } from './support/services.ts'
import { interleave, median } from './support/statistics.ts'
import { Systems } from './support/systems.ts'

const CLIENTS = [64, 1000]
const PATH = '/fetch/product_stats/'

/** Clients are spread over its processes. */
interface Herded {
  readonly name: string
  readonly servers: readonly ServerProcess[]
}

interface Sample {
  readonly system: string
  readonly clients: number
  readonly queries: number
  /** Milliseconds until the last client had its answer. */
  readonly longestMs: number
  readonly failed: number
  /** What the failed ones got: a status, or `no answer`. */
  readonly failures: Readonly<Record<string, number>>
}

/** What many clients that miss one key at the same moment cost the database: the key is new, its query a scan. */
export const benchmark: Benchmark = async ({ rounds, cleanup, say }) => {
  const notes: string[] = []
  say('Starting PostgreSQL, Cassandra and Redis ...')
  const database = await startDatabase(cleanup)
  const systems = await startSystems({ database, keyspace: await startKeyspace(cleanup), cleanup, notes })
  const samples: Sample[] = []
  // Each measurement has a product of its own: nobody has it cached, and all of them take the same scan.
  let product = 0
  for (const clients of CLIENTS) {
    for (const system of interleave(systems, rounds)) {
      product += 1
      const sample = await measure(system, { clients, path: PATH + product, database })
      samples.push(sample)
      const { queries, longestMs, failures } = sample
      const failed = JSON.stringify(failures)
      say(`${system.name}, ${clients}: ${queries} queries, ${Math.round(longestMs)} ms, failed: ${failed}`)
    }
  }
  const rows = systems.flatMap(({ name }) =>
    CLIENTS.map((clients) => {
      const of = samples.filter((sample) => sample.system === name && sample.clients === clients)
      const queries = of.map((sample) => sample.queries)
      const failed = of.reduce((sum, sample) => sum + sample.failed, 0)
      return [
        name,
        clients,
        median(queries),
        Math.max(...queries),
        median(of.map((sample) => sample.longestMs)),
        failed,
      ]
    }),
  )
  const columns = ['system', 'clients', 'source queries', 'most', 'last answer ms', 'failed']
  return { tables: [{ title: 'Clients that miss one key at once', columns, rows }], notes, samples }
}

interface Parts extends Pick<Settings, 'cleanup'> {
  readonly database: Database
  readonly keyspace: Keyspace
  readonly notes: string[]
}

async function startSystems({ database, keyspace, cleanup, notes }: Parts): Promise<readonly Herded[]> {
  const systems = new Systems({ database, keyspace, cleanup })
  const started: Herded[] = []
  for (const kind of ['memory', 'lmdb', 'cassandra'] as const) {
    started.push({ name: `KCK, ${kind}, 1 process`, servers: [await systems.kck(kind)] })
  }
  for (const kind of ['lmdb', 'cassandra'] as const) {
    const two = [await systems.kck(kind), await systems.kck(kind)]
    started.push({ name: `KCK, ${kind}, 2 processes`, servers: two })
  }
  started.push({ name: 'no cache, 1 process', servers: [await systems.postgres()] })
  const redisPort = await startRedis(cleanup)
  if (redisPort === null) notes.push('bentocache is missing: redis-server is not installed')
  else {
    const two = [await systems.bentocache(redisPort), await systems.bentocache(redisPort)]
    started.push({ name: 'bentocache, 1 process', servers: two.slice(0, 1) })
    started.push({ name: 'bentocache, 2 processes', servers: two })
  }
  // What only a first request pays is not part of the claim.
  for (const { servers } of started) {
    for (const { port } of servers) await sendAll(port, [getRequest('/fetch/customer_orders/1')], 1)
  }
  return started
}

interface Herd {
  readonly clients: number
  readonly path: string
  readonly database: Database
}

async function measure(system: Herded, { clients, path, database }: Herd): Promise<Sample> {
  const ports = system.servers.map(({ port }) => port)
  const open = await Promise.all(
    Array.from({ length: clients }, (_, index) => Connection.open(ports[index % ports.length] as number)),
  )
  await database.countQueries()
  const request = getRequest(path)
  const began = performance.now()
  const replies = await Promise.all(open.map((connection) => connection.send(request).catch(() => null)))
  const longestMs = performance.now() - began
  for (const connection of open) connection.close()
  const failed = replies.filter((reply) => reply?.status !== 200).map((reply) => String(reply?.status ?? 'no answer'))
  const failures = Object.fromEntries(
    [...new Set(failed)].map((what) => [what, failed.filter((one) => one === what).length]),
  )
  const queries = await database.countQueries()
  return { system: system.name, clients, queries, longestMs, failed: failed.length, failures }
}

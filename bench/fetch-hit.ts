import type { BareOptions } from './servers/bare.ts'
import type { CassandraOptions } from './servers/cassandra.ts'
import type { Benchmark, Report, Settings } from './support/benchmark.ts'
import { getOnce, getRequest, sendAll } from './support/client.ts'
import { generateLoad, hasWrk, type Load } from './support/load.ts'
import { startOriginal } from './support/original.ts'
import { type ServerProcess, startNodeServer } from './support/process.ts'
import { type Database, type Keyspace, startDatabase, startKeyspace, startRedis } from './support/services.ts'
import { interleave, median, medianRatio } from './support/statistics.ts'
import { type System, Systems } from './support/systems.ts'
import { type Cell, formatRatio, type Table } from './support/table.ts'

const CONNECTIONS = [1, 8, 32, 64]
const KEYS = 1000
const PATH = '/fetch/customer_orders/'
const WARM_UP_SECONDS = 1

interface Sample extends Load {
  readonly system: string
  readonly connections: number
  readonly round: number
  /** Microseconds of processor time of the server, without its databases. */
  readonly cpuPerRequest: number | null
}

/** With the default, 1 s, each of the hot keys is read from the store once a second. */
const LASTING = 'KCK, lmdb, near cache of an hour'
const BARE = 'bare node:http, the same bytes'
const SELECT = 'one prepared Cassandra SELECT'
const BENTOCACHE = 'bentocache 1.6.1, memory + Redis'
const POSTGRES = 'a PostgreSQL query per request'
const ORIGINAL = 'original KCK 0.6.3'

/** Requests per second for what is cached, beside other ways to answer the same. */
export const benchmark: Benchmark = async (settings) => {
  const { rounds, cleanup, say } = settings
  const notes: string[] = []
  say('Starting PostgreSQL, Cassandra and Redis ...')
  const database = await startDatabase(cleanup)
  const keyspace = await startKeyspace(cleanup)
  const systems = await startSystems({ database, keyspace, settings, notes })
  const useWrk = await hasWrk()
  if (!useWrk) notes.push('wrk is not installed: the load comes from Node, which limits the fast rows')

  for (const { server } of systems) await getAllKeys(server.port)
  const samples: Sample[] = []
  for (const [index, system] of interleave(systems, rounds).entries()) {
    const round = Math.floor(index / systems.length)
    await measure(system, { round: -1, connections: 8, seconds: WARM_UP_SECONDS, useWrk })
    for (const connections of CONNECTIONS) {
      const sample = await measure(system, { round, connections, seconds: settings.seconds, useWrk })
      samples.push(sample)
      const { requestsPerSecond, failed } = sample
      say(`${round + 1}/${rounds} ${system.name}, ${connections}: ${Math.round(requestsPerSecond)}/s, ${failed} failed`)
    }
  }
  return report(systems, samples, notes)
}

interface Parts {
  readonly database: Database
  readonly keyspace: Keyspace
  readonly settings: Settings
  readonly notes: string[]
}

async function startSystems({ database, keyspace, settings, notes }: Parts): Promise<readonly System[]> {
  const { cleanup, say } = settings
  const systems = new Systems({ database, keyspace, cleanup })
  const started: System[] = []
  const add = async (name: string, start: Promise<ServerProcess>) => {
    say(`Starting ${name} ...`)
    started.push({ name, server: await start })
  }
  for (const kind of ['memory', 'lmdb', 'cassandra'] as const) {
    await add(withNear(kind), systems.kck(kind))
    await add(withoutNear(kind), systems.kck(kind, { nearCache: { maxBytes: 0 } }))
  }
  await add(LASTING, systems.kck('lmdb', { nearCache: { maxAge: '1h' } }))
  const first = started[0]?.server.port ?? 0
  const { body } = await getOnce(first, `${PATH}17`)
  await add(BARE, startNodeServer('bare', { options: { body } satisfies BareOptions, cleanup }))
  await fillBareTable(keyspace, first)
  const { run: _, ...address } = keyspace
  await add(SELECT, startNodeServer('cassandra', { options: address satisfies CassandraOptions, cleanup }))
  await add(POSTGRES, systems.postgres())
  const redisPort = await startRedis(cleanup)
  if (redisPort === null) notes.push('bentocache is missing: redis-server is not installed')
  else await add(BENTOCACHE, systems.bentocache(redisPort))
  say('Starting the original KCK (installed at the first time) ...')
  const { connectionString } = database
  const original = await startOriginal(
    { connectionString, cassandra: keyspace, keyspace: keyspace.keyspace, fill: KEYS },
    cleanup,
  )
  if (typeof original === 'string') notes.push(`The original KCK is missing: ${original}`)
  else started.push({ name: ORIGINAL, server: original })
  return started
}

const withNear = (kind: string) => `KCK, ${kind}, near cache`
const withoutNear = (kind: string) => `KCK, ${kind}, no near cache`

/** The bytes that KCK answers, for the bare SELECT. */
async function fillBareTable(keyspace: Keyspace, port: number): Promise<void> {
  await keyspace.run(`CREATE TABLE ${keyspace.keyspace}.bare (id int PRIMARY KEY, body blob)`)
  for (const [index, { body }] of (await getAllKeys(port)).entries()) {
    await keyspace.run(`INSERT INTO ${keyspace.keyspace}.bare (id, body) VALUES (?, ?)`, [index + 1, Buffer.from(body)])
  }
}

function getAllKeys(port: number) {
  return sendAll(
    port,
    Array.from({ length: KEYS }, (_, index) => getRequest(`${PATH}${index + 1}`)),
    8,
  )
}

interface Measurement {
  readonly round: number
  readonly connections: number
  readonly seconds: number
  readonly useWrk: boolean
}

async function measure(
  { name, server }: System,
  { round, connections, seconds, useWrk }: Measurement,
): Promise<Sample> {
  const before = server.cpuMs()
  const load = await generateLoad({ port: server.port, path: PATH, keys: KEYS, connections, seconds }, useWrk)
  const after = server.cpuMs()
  const cpuPerRequest = before === null || after === null ? null : ((after - before) * 1000) / load.requests
  return { system: name, connections, round, ...load, cpuPerRequest }
}

/** Neighbours on the machine only ever add to it. */
function leastCpu(samples: readonly Sample[]): number | null {
  const known = samples.flatMap(({ cpuPerRequest }) => cpuPerRequest ?? [])
  return known.length === 0 ? null : Math.min(...known)
}

function report(systems: readonly System[], samples: readonly Sample[], notes: readonly string[]): Report {
  const of = (system: string, connections: number) =>
    samples.filter((sample) => sample.system === system && sample.connections === connections)
  const speeds = (system: string, connections: number) => of(system, connections).map((each) => each.requestsPerSecond)
  const names = systems.map(({ name }) => name)

  const speed: Table = {
    title: `Requests per second at so many connections (${KEYS} hot keys, 3.7 KB)`,
    columns: ['system', ...CONNECTIONS.map(String), 'p50 ms at 64', 'p99 ms at 64', 'CPU us, least'],
    rows: names.map((name) => {
      const last = of(name, 64)
      return [
        name,
        ...CONNECTIONS.map((connections) => median(speeds(name, connections))),
        median(last.map(({ p50 }) => p50)),
        median(last.map(({ p99 }) => p99)),
        leastCpu(samples.filter((sample) => sample.system === name)),
      ]
    }),
  }
  const ratioRow = (above: string, below: string, aim: string): Cell[] => [
    `${above} / ${below}`,
    ...CONNECTIONS.map((connections) =>
      formatRatio(medianRatio(speeds(above, connections), speeds(below, connections))),
    ),
    aim,
  ]
  const near = (['memory', 'lmdb', 'cassandra'] as const).map(withNear)
  const ratios: Table = {
    title: 'Beside its yardstick in the same round',
    columns: ['ratio', ...CONNECTIONS.map(String), 'aim'],
    rows: [
      ...[LASTING, ...near].map((name) => ratioRow(name, BARE, '80%')),
      ratioRow(withoutNear('cassandra'), SELECT, '70%'),
      ratioRow(withNear('cassandra'), BENTOCACHE, 'above 100%'),
      ratioRow(withoutNear('lmdb'), BENTOCACHE, ''),
      ratioRow(withNear('cassandra'), POSTGRES, ''),
      ratioRow(withNear('cassandra'), ORIGINAL, '10x'),
      ratioRow(withoutNear('cassandra'), ORIGINAL, '10x'),
    ],
  }
  const failed = samples.reduce((sum, sample) => sum + sample.failed, 0)
  const all = [
    ...notes,
    'CPU: of the server process for one request, without its databases, the least of all measurements',
    'The comparators are node:http handlers without a framework, which favours them. Nobody writes a request log.',
    `${failed} of ${samples.reduce((sum, { requests }) => sum + requests, 0)} requests failed`,
  ]
  return { tables: [speed, ratios], notes: all, samples }
}

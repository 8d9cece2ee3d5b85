import type { Benchmark } from './support/benchmark.ts'
import { getRequest, sendAll } from './support/client.ts'
import { type Summary, summarise } from './support/cpu-profile.ts'
import { generateLoad, hasWrk } from './support/load.ts'
import { startDatabase, startKeyspace } from './support/services.ts'
import { type StoreKind, Systems } from './support/systems.ts'
import { formatRatio, type Table } from './support/table.ts'

const KEYS = 1000
const PATH = '/fetch/customer_orders/'
const CONNECTIONS = 32
const TOP = 15

const CASES: readonly { readonly name: string; readonly kind: StoreKind; readonly near: boolean }[] = [
  { name: 'A hit in the near cache', kind: 'lmdb', near: true },
  { name: 'A hit in LMDB', kind: 'lmdb', near: false },
  { name: 'A hit in Cassandra', kind: 'cassandra', near: false },
]

/** Where the time of a hit goes: the functions that a server spends it in, and what they belong to. */
export const benchmark: Benchmark = async ({ seconds, cleanup, say }) => {
  say('Starting PostgreSQL and Cassandra ...')
  const systems = new Systems({
    database: await startDatabase(cleanup),
    keyspace: await startKeyspace(cleanup),
    cleanup,
  })
  const useWrk = await hasWrk()
  const tables: Table[] = []
  const samples: Summary[] = []
  for (const { name, kind, near } of CASES) {
    say(`${name} ...`)
    const server = await systems.kck(kind, near ? {} : { nearCache: { maxBytes: 0 } })
    const keys = Array.from({ length: KEYS }, (_, index) => getRequest(`${PATH}${index + 1}`))
    await sendAll(server.port, keys, 8)
    const load = { port: server.port, path: PATH, keys: KEYS, connections: CONNECTIONS, seconds }
    await generateLoad({ ...load, seconds: 1 }, useWrk)
    let requestsPerSecond = 0
    const profile = await server.profile(async () => {
      requestsPerSecond = (await generateLoad(load, useWrk)).requestsPerSecond
    })
    await server.stop()
    const summary = summarise(profile, TOP)
    samples.push(summary)
    tables.push(...tablesOf(`${name} (${Math.round(requestsPerSecond)} requests/s while profiled)`, summary))
  }
  const notes = [`${CONNECTIONS} connections; shares of the time in which the process was not idle`]
  return { tables, notes, samples }
}

function tablesOf(title: string, { groups, functions }: Summary): readonly Table[] {
  const share = (value: number) => formatRatio(value)
  return [
    { title, columns: ['what', 'share'], rows: groups.map((group) => [group.name, share(group.share)]) },
    {
      title: 'the functions in which most of it is spent',
      columns: ['function', 'of', 'share'],
      rows: functions.map(({ name, group, share: of }) => [name, group, share(of)]),
    },
  ]
}

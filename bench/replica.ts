import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CassandraUpdateLog } from '../src/adapters/cassandra/update-log.ts'
import { FileUpdateLog } from '../src/adapters/file-log/update-log.ts'
import { PostgresUpdateLog } from '../src/adapters/postgres/update-log.ts'
import { systemClock, systemEntropy } from '../src/adapters/system/clock.ts'
import { nameOf, type Size } from './replica/dataset.ts'
import * as reads from './replica/reads.ts'
import { measureApply, measureRestore, measureSets } from './replica/writes.ts'
import type { Benchmark, Settings } from './support/benchmark.ts'
import { startDatabase, startKeyspace, startRedis } from './support/services.ts'
import { median } from './support/statistics.ts'
import { type Cell, formatRatio, type Table } from './support/table.ts'

/** Those with more keys than `--most` are left out. */
const SIZES: readonly Size[] = [
  { keys: 100_000, bytes: 100 },
  { keys: 100_000, bytes: 4096 },
  { keys: 1_000_000, bytes: 100 },
  { keys: 1_000_000, bytes: 4096 },
]
/** A gigabyte at the default of `--most`. */
const RESTORED_BYTES_PER_KEY = 10_737

/** What reads, writes and a new machine cost with a replica, beside other ways to have values near. */
export const benchmark: Benchmark = async (settings) => {
  const { most, cleanup } = settings
  const notes = [
    'A read is of one of 20,000 keys, drawn uniformly; microseconds of processor time (Redis, bentocache: of time), medians of the rounds',
    'Rows are lists of objects, as JSON in the replica; Map, lru-cache and bentocache hold the objects themselves',
    'The original (measured apart, see its own README): get 1.0-1.8 us (100 B), 2.4-3.2 us (4 KB), rows 19-29 us; set 1.2-1.6 ms',
  ]
  const redisPort = await startRedis(cleanup)
  if (redisPort === null) notes.push('Redis is missing: redis-server is not installed')
  const readings: reads.Reading[] = []
  for (const size of SIZES.filter(({ keys }) => keys <= most)) {
    readings.push(...(await reads.measureReads(size, settings, redisPort)))
  }
  const applied = await measureApply(settings)
  const restored = await measureRestore(most * RESTORED_BYTES_PER_KEY, settings)
  const sets = await setLatencies(settings, notes)
  return {
    tables: [
      readTable(readings),
      ratioTable(readings),
      { title: 'Writes', columns: ['`set` of 100 B, ms', 'median', 'p99'], rows: sets },
      { title: 'A machine that comes back, or is new', columns: ['', ''], rows: [applied, ...restored] },
    ],
    notes,
    samples: readings,
  }
}

async function setLatencies(settings: Settings, notes: string[]): Promise<readonly (readonly Cell[])[]> {
  const { cleanup, say } = settings
  const folder = mkdtempSync(join(tmpdir(), 'kck-bench-log-'))
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
  const rows = [await measureSets('file log', new FileUpdateLog({ path: folder }), settings)]
  try {
    const { connectionString } = await startDatabase(cleanup)
    rows.push(
      await measureSets('PostgreSQL log', new PostgresUpdateLog({ connectionString, dataset: 'bench' }), settings),
    )
    const { contactPoints, port, localDataCenter, keyspace } = await startKeyspace(cleanup)
    const place = { contactPoints, port, localDataCenter, keyspace, clock: systemClock, entropy: systemEntropy }
    rows.push(await measureSets('Cassandra log', new CassandraUpdateLog({ ...place, dataset: 'bench' }), settings))
  } catch (error) {
    say(String(error))
    notes.push('The logs in PostgreSQL and Cassandra could not be measured')
  }
  return rows
}

function readTable(readings: readonly reads.Reading[]): Table {
  const sizes = [...new Set(readings.map(({ size }) => nameOf(size)))]
  const names = [...new Set(readings.map(({ name }) => name))]
  const cell = (name: string, size: string) =>
    median(readings.find((reading) => reading.name === name && nameOf(reading.size) === size)?.us ?? [])
  return {
    title: 'Microseconds of a read',
    columns: ['', ...sizes],
    rows: names.map((name) => [name, ...sizes.map((size) => cell(name, size))]),
  }
}

const CLAIMS: readonly (readonly [title: string, of: string, to: string, aim: string])[] = [
  ['bytes, to bare lmdb (`getBinary`)', reads.RAW, reads.LMDB, '150%'],
  ['bytes, to bare lmdb that sees what others committed, as the replica does', reads.RAW, reads.LMDB_SEEING, '150%'],
  ['bytes, to `getBinaryFast`, which copies nothing', reads.RAW, reads.LMDB_FAST, ''],
  ['rows that were read before, to a Map', reads.DECODED, reads.MAP, 'about 100%'],
  ['bytes while a second process reads, to alone', reads.BESIDE_READER, reads.RAW, '120%'],
  ['bytes while another one writes, to alone', reads.BESIDE_WRITER, reads.RAW, '120%'],
]

function ratioTable(readings: readonly reads.Reading[]): Table {
  const sizes = [...new Set(readings.map(({ size }) => nameOf(size)))]
  const at = (size: string) => readings.filter((reading) => nameOf(reading.size) === size)
  return {
    title: 'Ratios, round by round',
    columns: ['', ...sizes, 'aim'],
    rows: CLAIMS.map(([title, of, to, aim]) => [
      title,
      ...sizes.map((size) => formatRatio(reads.ratio(at(size), of, to))),
      aim,
    ]),
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { Redis } from 'ioredis'
import { open } from 'lmdb'
import { LRUCache } from 'lru-cache'
import { FileUpdateLog } from '../../src/adapters/file-log/update-log.ts'
import { LmdbReplicaState } from '../../src/adapters/lmdb/replica-state.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import type { Pair } from '../../src/ports/replica-state.ts'
import { json, type ReplicaCodec, raw } from '../../src/replica/codec.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import type { Settings } from '../support/benchmark.ts'
import type { Cleanup } from '../support/cleanup.ts'
import { interleave, median, medianRatio } from '../support/statistics.ts'
import { bytesOf, drawn, keyOf, nameOf, rowsOf, type Size, timed, timedAsync } from './dataset.ts'
import { startNeighbour } from './neighbours.ts'

/** One way to read, and the microseconds of a read in each round. */
export interface Reading {
  readonly name: string
  readonly size: Size
  readonly us: number[]
}

export const RAW = 'replica, bytes'
export const LMDB = 'lmdb, `getBinary`'
export const LMDB_SEEING = 'lmdb, `getBinary`, each seeing what other processes committed'
export const LMDB_FAST = 'lmdb, `getBinaryFast` (a view that the next read overwrites)'
export const BESIDE_READER = 'replica, bytes, a second process reads'
export const BESIDE_WRITER = 'replica, bytes, another one writes 10,000 keys/s'
export const DECODED = 'replica, rows that were read before'
const DECODED_FIRST = 'replica, rows read for the first time'
export const MAP = 'Map'

interface System {
  readonly name: string
  read(seconds: number): number | Promise<number>
}

/** Redis answers a read after a round trip; more of them say nothing new. */
const SHARE = 0.2
const WRITES_PER_SECOND = 10_000
const PAGE = 1_000

/** Microseconds of a read at one size, in every system. */
export async function measureReads(size: Size, settings: Settings, redisPort: number | null): Promise<Reading[]> {
  const { rounds, seconds, cleanup, say } = settings
  const folder = mkdtempSync(join(tmpdir(), 'kck-bench-replica-'))
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
  say(`Filling ${nameOf(size)} ...`)
  const opened = await openSystems(size, { folder, cleanup, redisPort })
  const readings = new Map<string, Reading>()
  for (const { name, read } of interleave(opened, rounds)) {
    const us = await read(seconds * SHARE)
    const reading = readings.get(name) ?? { name, size, us: [] }
    reading.us.push(us)
    readings.set(name, reading)
  }
  rmSync(folder, { recursive: true, force: true })
  for (const { name, us } of readings.values()) say(`${nameOf(size)}: ${name}: ${median(us).toFixed(2)} us`)
  return [...readings.values()]
}

async function openSystems(
  size: Size,
  at: { readonly folder: string; readonly cleanup: Cleanup; readonly redisPort: number | null },
): Promise<readonly System[]> {
  const { folder, cleanup, redisPort } = at
  const keys = drawn(size.keys)
  const sync = (name: string, get: (key: string) => unknown): System => ({ name, read: (s) => timed(keys, s, get) })

  const raws = await filled(join(folder, 'raw'), size, raw(), (index) => bytesOf(index, size.bytes))
  const rows = await filled(join(folder, 'rows'), size, json(), (index) => rowsOf(index, size.bytes))
  cleanup.add(() => Promise.all([raws.close(), rows.close()]))
  const beside = async (writesPerSecond: number, seconds: number) => {
    const options = { folder: join(folder, 'raw'), ...size, writesPerSecond }
    const neighbour = await startNeighbour(options, cleanup)
    const us = timed(keys, seconds, (key) => raws.get(key))
    await neighbour.stop()
    return us
  }
  const unread = drawn(size.keys, 200_000)
  let first = 0
  return [
    sync(RAW, (key) => raws.get(key)),
    { name: BESIDE_READER, read: (seconds) => beside(0, seconds) },
    { name: BESIDE_WRITER, read: (seconds) => beside(WRITES_PER_SECOND, seconds) },
    ...bareLmdb(size, folder, keys, cleanup),
    {
      name: DECODED_FIRST,
      read: (seconds) =>
        timed(unread, seconds, () => JSON.parse(String(rows.getBytes(unread[first++ % unread.length] ?? '')))),
    },
    ...(await inMemory(size, keys, (key) => rows.get(key))),
    ...(redisPort === null ? [] : [await redis(size, keys, redisPort, cleanup)]),
  ]
}

async function filled<T>(path: string, size: Size, codec: ReplicaCodec<T>, valueAt: (index: number) => T) {
  const log = new FileUpdateLog({ path: `${path}/log` })
  const { logId } = await log.state()
  const state = new LmdbReplicaState({ path: join(path, 'data'), clock: systemClock })
  await state.replace(
    { logId, id: 0 },
    pages(size, (index) => codec.encode(valueAt(index))),
  )
  await state.close()
  // A hot set fits the cache of decoded values here, as it should where it is in use.
  return openReplica<T>({ name: 'data', path, log, codec, follow: false, cacheBytes: 512 * 1024 * 1024 })
}

async function* pages({ keys }: Size, encode: (index: number) => Uint8Array): AsyncGenerator<readonly Pair[]> {
  for (let from = 0; from < keys; from += PAGE) {
    yield Array.from({ length: Math.min(PAGE, keys - from) }, (_, index) => ({
      key: Buffer.from(keyOf(from + index)),
      value: encode(from + index),
    }))
  }
}

function bareLmdb(size: Size, folder: string, keys: readonly string[], cleanup: Cleanup): readonly System[] {
  const path = join(folder, 'lmdb')
  const table = open<Buffer, string>({ path, encoding: 'binary', noSync: true, mapSize: 1 << 30 })
  cleanup.add(() => table.close())
  for (let from = 0; from < size.keys; from += PAGE) {
    table.transactionSync(() => {
      for (let index = from; index < Math.min(size.keys, from + PAGE); index += 1) {
        table.putSync(keyOf(index), bytesOf(index, size.bytes))
      }
    })
  }
  return [
    { name: LMDB, read: (seconds) => timed(keys, seconds, (key) => table.getBinary(key)) },
    {
      name: LMDB_SEEING,
      read: (seconds) =>
        timed(keys, seconds, (key) => {
          table.resetReadTxn()
          return table.getBinary(key)
        }),
    },
    { name: LMDB_FAST, read: (seconds) => timed(keys, seconds, (key) => table.getBinaryFast(key)) },
  ]
}

/** Values as objects. Of a dataset only the keys that are asked for are put into memory: the others cost nobody time. */
async function inMemory(
  size: Size,
  keys: readonly string[],
  fromReplica: (key: string) => unknown,
): Promise<readonly System[]> {
  const values = new Map(keys.map((key) => [key, rowsOf(Number(key.slice(-8)), size.bytes)]))
  const lru = new LRUCache<string, object>({ max: keys.length })
  const bento = new BentoCache({
    default: 'main',
    stores: { main: bentostore().useL1Layer(memoryDriver({ maxItems: keys.length, serialize: false })) },
  })
  for (const [key, value] of values) {
    lru.set(key, value)
    await bento.set({ key, value })
    fromReplica(key)
  }
  return [
    { name: DECODED, read: (seconds) => timed(keys, seconds, fromReplica) },
    { name: MAP, read: (seconds) => timed(keys, seconds, (key) => values.get(key)) },
    { name: 'lru-cache', read: (seconds) => timed(keys, seconds, (key) => lru.get(key)) },
    { name: 'bentocache, memory', read: (seconds) => timedAsync(keys, seconds, (key) => bento.get({ key })) },
  ]
}

async function redis(size: Size, keys: readonly string[], port: number, cleanup: Cleanup): Promise<System> {
  const client = new Redis({ host: '127.0.0.1', port })
  cleanup.add(() => client.quit())
  for (const key of new Set(keys)) await client.set(key, bytesOf(Number(key.slice(-8)), size.bytes))
  return { name: 'Redis GET', read: (seconds) => timedAsync(keys, seconds, (key) => client.getBuffer(key)) }
}

/** How much slower, round by round. */
export function ratio(readings: readonly Reading[], of: string, to: string): number {
  const find = (name: string) => readings.find((reading) => reading.name === name)?.us ?? []
  return medianRatio(find(of), find(to))
}

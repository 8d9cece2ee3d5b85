import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileSnapshotStore } from '../../src/adapters/file/snapshot-store.ts'
import { FileUpdateLog } from '../../src/adapters/file-log/update-log.ts'
import { LmdbReplicaState } from '../../src/adapters/lmdb/replica-state.ts'
import { MemoryUpdateLog } from '../../src/adapters/memory/update-log.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import type { UpdateLog } from '../../src/ports/update-log.ts'
import { raw } from '../../src/replica/codec.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import { encodeUpdate } from '../../src/replica/update-codec.ts'
import type { Settings } from '../support/benchmark.ts'
import { median, percentile } from '../support/statistics.ts'
import type { Cell } from '../support/table.ts'
import { bytesOf, keyOf } from './dataset.ts'

const SETS = 200
const APPLIED = 20_000
const MEGABYTE = 1024 * 1024

function newFolder({ cleanup }: Settings): string {
  const folder = mkdtempSync(join(tmpdir(), 'kck-bench-replica-'))
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Milliseconds of a `set` of 100 bytes: durable in the log and visible here. */
export async function measureSets(name: string, log: UpdateLog, settings: Settings): Promise<readonly Cell[]> {
  await log.createSchema()
  const replica = await openReplica({ name: 'data', path: newFolder(settings), log, codec: raw(), follow: false })
  const times: number[] = []
  for (let index = 0; index < SETS; index += 1) {
    const began = performance.now()
    await replica.set(keyOf(index % 50), bytesOf(index, 100))
    times.push(performance.now() - began)
  }
  settings.say(`set, ${name}: ${median(times).toFixed(2)} ms`)
  await replica.close()
  return [name, median(times), percentile(times, 0.99)]
}

/** Updates of one key each, out of memory, that a machine which was away applies in a second. */
export async function measureApply(settings: Settings): Promise<readonly Cell[]> {
  const rows: number[] = []
  for (let round = 0; round < settings.rounds; round += 1) {
    const folder = newFolder(settings)
    const log = new MemoryUpdateLog('bench')
    for (let index = 0; index < APPLIED; index += 1) {
      const contents = encodeUpdate([{ key: Buffer.from(keyOf(index)), value: bytesOf(index, 100) }])
      await log.append({ key: null, contents, operation: String(index) })
    }
    const began = performance.now()
    const reader = await openReplica({ name: 'reader', path: folder, log, codec: raw(), follow: false })
    rows.push(APPLIED / ((performance.now() - began) / 1_000))
    if (reader.size !== APPLIED) throw new Error(`${reader.size} of ${APPLIED} keys were applied`)
    await reader.close()
    rmSync(folder, { recursive: true, force: true })
  }
  settings.say(`apply: ${Math.round(median(rows))} updates/s`)
  return ['updates of one key (100 B) applied, 1/s', median(rows)]
}

/** Seconds until a machine that has nothing has `bytes` of values, and what that takes of memory. */
export async function measureRestore(bytes: number, settings: Settings): Promise<readonly (readonly Cell[])[]> {
  const folder = newFolder(settings)
  const log = new FileUpdateLog({ path: `${folder}/log` })
  const snapshots = createFileSnapshotStore({ path: `${folder}/snapshots`, clock: systemClock })
  const { logId } = await log.state()
  const value = 4096
  const state = new LmdbReplicaState({ path: join(folder, 'full'), clock: systemClock })
  await state.replace({ logId, id: 0 }, pages(Math.round(bytes / value), value))
  await state.close()
  const open = (name: string) => openReplica({ name, path: folder, log, snapshots, codec: raw(), follow: false })
  const full = await open('full')
  const taking = await observed(() => full.snapshot())
  // Whoever reads it is to need the snapshot, not the log.
  await full.set('last', Buffer.from('1'))
  await full.snapshot()
  await full.compact(full.updateId)
  const restoring = await observed(async () => {
    // Opening does not wait for a long restore.
    const empty = await open('empty')
    await empty.update()
    return empty
  })
  const restored = restoring.result
  if (restored.size !== full.size) throw new Error('not all was restored')
  await Promise.all([full.close(), restored.close()])
  rmSync(folder, { recursive: true, force: true })
  const gb = (bytes / 1024 ** 3).toPrecision(2)
  settings.say(`snapshot ${taking.seconds.toFixed(1)} s, restore ${restoring.seconds.toFixed(1)} s`)
  return [
    [`snapshot of ${gb} GB (4 KB values), s`, taking.seconds],
    [`restore of ${gb} GB, s`, restoring.seconds],
    ['memory that the restore took beside the mapped file, MB', restoring.megabytes],
  ]
}

async function* pages(keys: number, bytes: number) {
  const page = 250
  for (let from = 0; from < keys; from += page) {
    yield Array.from({ length: Math.min(page, keys - from) }, (_, index) => ({
      key: Buffer.from(keyOf(from + index)),
      value: bytesOf(from + index, bytes),
    }))
  }
}

async function observed<T>(work: () => Promise<T>) {
  const used = () => {
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / MEGABYTE
  }
  const before = used()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, used())
  }, 20)
  const began = performance.now()
  const result = await work()
  clearInterval(watch)
  return { result, seconds: (performance.now() - began) / 1_000, megabytes: most - before }
}

import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { subscribe } from '../../src/events.ts'
import { expectedRow, KEYS, markId } from './lmdb-sample.ts'

/**
 * Opens each folder that it is given and reads everything, one line of JSON per folder. A row that is there must be
 * exactly what was written, with its mark: a row without its mark would be served as fresh.
 */
for (const path of process.argv.slice(2)) {
  const report = { path, present: 0, absent: 0, wrong: 0, faults: 0, usable: false }
  const stop = subscribe((event) => {
    if (event.type === 'fault') report.faults++
  })
  const store = openLmdbStore({ path, clock: systemClock })
  for (let each = 0; each < KEYS; each++) {
    const { key, row, marks } = await store.entries.get(`key/${each}`)
    if (!row) report.absent++
    else if (JSON.stringify(row) !== JSON.stringify(expectedRow(each)) || marks[0]?.id !== markId(each)) report.wrong++
    else report.present++
    const body = await store.entries.getChunks(key, 'body', 1)
    if (body && !Buffer.from(body[0] ?? []).equals(Buffer.alloc(9000, each))) report.wrong++
  }
  const { keys } = await store.lineage.dependents('tag/all', { limit: 10_000 })
  // Nobody may depend silently: all of them are known, or the whole cache begins anew.
  if (report.present > 0 && keys.length < KEYS) report.wrong++
  report.usable = await store.entries.compareAndSet(null, { ...expectedRow(0), key: 'new' })
  await store.close()
  stop()
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

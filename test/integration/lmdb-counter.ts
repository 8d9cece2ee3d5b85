import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { emptyRow, nextRow } from '../conformance/rows.ts'

/** A process that adds 1 to the epoch of the row `counter`, so often. */
const [path = '', , times = '0'] = process.argv.slice(2)
const store = openLmdbStore({ path, clock: systemClock })
await store.entries.compareAndSet(null, emptyRow('counter'))
for (let done = 0; done < Number(times); ) {
  const { row } = await store.entries.get('counter', { consistency: 'latest' })
  if (row && (await store.entries.compareAndSet(row, nextRow(row, { epoch: row.epoch + 1 })))) done++
}
await store.close()
process.stdout.write('done\n')

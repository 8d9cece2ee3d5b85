import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { subscribe } from '../../src/events.ts'
import { noise } from '../conformance/rows.ts'

/** A process that reads what `lmdb-writer.ts` writes until its standard input ends, and counts rows that cannot be. */
const store = openLmdbStore({ path: process.argv[2] ?? '', clock: systemClock })
let [reads, torn, faults] = [0, 0, 0]
subscribe((event) => {
  if (event.type === 'fault') faults++
})
let stopped = false
process.stdin.on('end', () => {
  stopped = true
})
process.stdin.resume()
process.stdout.write('ready\n')
while (!stopped) {
  for (let each = 0; each < 20; each++) {
    const { row } = store.entries.peek(`pair/${each}`)
    reads++
    if (!row) continue
    const inline = Buffer.from(row.value?.body.inline ?? [])
    if (row.lastVersion !== row.rev || !inline.equals(noise(200 + (row.rev % 50) * 40, row.rev))) torn++
  }
  await systemClock.sleep(2)
}
await store.close()
process.stdout.write(`${JSON.stringify({ reads, torn, faults })}\n`)

import { writeSync } from 'node:fs'
import { createLmdbRefreshQueue } from '../../src/adapters/lmdb/refresh-queue.ts'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import { emptyRow, nextRow, noise, sampleMark, sampleValue } from '../conformance/rows.ts'

/**
 * A process that writes until it is killed, and says on its standard output what was acknowledged, one line each:
 * `row <key> <rev>`, `mark <key> <id>`, `edge <key>`, `sent <key>`. A row's inline bytes follow from its rev.
 */
const [path = '', run = ''] = process.argv.slice(2)
const options = { path, clock: systemClock }
const store = openLmdbStore(options)
const queue = createLmdbRefreshQueue({ ...options, entropy: systemEntropy })
const say = (line: string) => writeSync(1, `${line}\n`)

say('ready')
for (let step = 0; ; step++) {
  const key = `pair/${step % 20}`
  const { row } = await store.entries.get(key)
  const rev = (row?.rev ?? 0) + 1
  const value = sampleValue(`body-${rev}`, noise(200 + (rev % 50) * 40, rev))
  const next = row ? nextRow(row, { value, lastVersion: rev }) : emptyRow(key, { value, lastVersion: rev })
  if (await store.entries.compareAndSet(row, next)) say(`row ${key} ${next.rev}`)
  if (step % 3 === 0) {
    await store.entries.mark([key], sampleMark(`${run}-${step}`), null)
    say(`mark ${key} ${run}-${step}`)
  }
  if (step % 5 === 0) {
    await store.lineage.addEdges(`reader/${run}/${step}`, ['tag/all'])
    say(`edge reader/${run}/${step}`)
  }
  if (step % 7 === 0) {
    await queue.send('normal', [{ key: `${run}/${step}`, cause: 'change', at: 0 }])
    say(`sent ${run}/${step}`)
  }
}

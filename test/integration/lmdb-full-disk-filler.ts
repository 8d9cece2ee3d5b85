import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { KckError } from '../../src/errors.ts'
import { noise } from '../conformance/rows.ts'

/** Fills the disk under a store, then reads everything, deletes, and writes again; says how it went. */
const store = openLmdbStore({ path: process.argv[2] ?? '', clock: systemClock })
const body = noise(100_000)
const put = (each: number) => store.entries.putChunks(`key/${each}`, 'body', [body], null)
const report = { written: 0, refused: 0, code: '', readable: 0, writtenAgain: 0 }

for (let each = 0; report.refused < 20; each++) {
  try {
    await put(each)
    report.written++
  } catch (error) {
    report.refused++
    report.code = error instanceof KckError ? error.code : String(error)
  }
}
for (let each = 0; each < report.written; each++) {
  const [chunk] = (await store.entries.getChunks(`key/${each}`, 'body', 1)) ?? []
  if (chunk && Buffer.compare(chunk, body) === 0) report.readable++
}
for (let each = 0; each < report.written; each++) await store.entries.deleteChunks(`key/${each}`, 'body', 1)
for (let each = 0; each < 10; each++) {
  await put(each).then(
    () => report.writtenAgain++,
    () => undefined,
  )
}
await store.close()
process.stdout.write(`${JSON.stringify(report)}\n`)

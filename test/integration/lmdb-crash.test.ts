import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLmdbRefreshQueue } from '../../src/adapters/lmdb/refresh-queue.ts'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import { startChild } from '../support/child.ts'

const KILLS = Number(process.env['KCK_KILLS'] ?? 15)

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kck-crash-'))
})
afterEach(() => rmSync(path, { recursive: true, force: true }))

test(`after ${KILLS} kills no acknowledged write is lost and nothing was ever half there`, {
  timeout: 240_000,
}, async () => {
  const readers = [start('lmdb-reader.ts', path), start('lmdb-reader.ts', path)]
  await Promise.all(readers.map((reader) => reader.seen(/ready/)))
  const said: string[] = []
  for (let run = 0; run < KILLS; run++) {
    const writer = start('lmdb-writer.ts', path, String(run))
    await writer.seen(/ready/)
    await writer.seen(/\nrow .*\n/)
    const lines = 20 + ((run * 37) % 400)
    await writer.seen((text) => text.split('\n').length > lines)
    await writer.kill()
    // The last line may have been cut off by the kill; everything before it was acknowledged.
    said.push(...writer.text().split('\n').slice(0, -1))
  }
  const reports = await Promise.all(
    readers.map((reader) => reader.finish<{ reads: number; torn: number; faults: number }>()),
  )

  const faults = await lost(said)
  const reads = reports.reduce((sum, report) => sum + report.reads, 0)
  const figures = { kills: KILLS, acknowledged: said.length - KILLS, lost: faults.length, reads }
  print('kill -9', { ...figures, torn: reports.reduce((sum, report) => sum + report.torn, 0) })
  expect(faults).toEqual([])
  for (const report of reports) expect(report).toMatchObject({ torn: 0, faults: 0 })
  expect(readdirSync(path).filter((name) => name.includes('corrupt'))).toEqual([])
})

test('two processes that count up one row lose no step', { timeout: 120_000 }, async () => {
  const counters = [0, 1].map((each) => start('lmdb-counter.ts', path, String(each), '500'))
  await Promise.all(counters.map((counter) => counter.ended()))
  const store = openLmdbStore({ path, clock: systemClock })
  const { row } = await store.entries.get('counter')
  await store.close()
  print('two processes', { increments: row?.epoch ?? 0, expected: 1000 })
  expect({ rev: row?.rev, epoch: row?.epoch }).toEqual({ rev: 1001, epoch: 1000 })
  for (const counter of counters) expect(counter.text()).toContain('done')
})

/** What the writers said was written and is not there. */
async function lost(said: readonly string[]): Promise<string[]> {
  const options = { path, clock: systemClock }
  const store = openLmdbStore(options)
  const queue = createLmdbRefreshQueue({ ...options, entropy: systemEntropy })
  const edges = new Set((await store.lineage.dependents('tag/all', { limit: 1_000_000 })).keys)
  const waiting = await queue.receive('normal', 1_000_000, { waitMs: 0, visibilityMs: 1 })
  const sent = new Set(waiting.map((delivery) => delivery.request.key))
  const marks = new Map<string, Set<string>>()
  for (let each = 0; each < 20; each++) {
    const entry = await store.entries.get(`pair/${each}`)
    marks.set(entry.key, new Set(entry.marks.map((mark) => mark.id)))
  }
  const isThere = async (line: string): Promise<boolean> => {
    const [what, key = '', more = ''] = line.split(' ')
    if (what === 'row') return ((await store.entries.get(key)).row?.rev ?? 0) >= Number(more)
    if (what === 'mark') return marks.get(key)?.has(more) ?? false
    if (what === 'edge') return edges.has(key)
    return what === 'ready' || sent.has(key)
  }
  const missing: string[] = []
  for (const line of said) if (!(await isThere(line))) missing.push(line)
  await queue.close()
  await store.close()
  return missing
}

function start(script: string, ...parameters: string[]) {
  return startChild(join(import.meta.dirname, script), ...parameters)
}

function print(name: string, figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`lmdb ${name}: ${JSON.stringify(figures)}\n`)
}

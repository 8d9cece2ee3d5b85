import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { noise, sampleMark } from '../conformance/rows.ts'
import { createSeededEntropy } from '../support/virtual-clock.ts'
import { expectedRow, KEYS, markId } from './lmdb-sample.ts'

const PAGE = 4096
const { random } = createSeededEntropy(7)

let folder: string
let good: Buffer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kck-corrupt-'))
  const path = join(folder, 'good')
  const store = openLmdbStore({ path, clock: systemClock })
  for (let each = 0; each < KEYS; each++) {
    const key = `key/${each}`
    await store.entries.compareAndSet(null, expectedRow(each))
    await store.entries.mark([key], sampleMark(markId(each)), null)
    await store.entries.putChunks(key, 'body', [Buffer.alloc(9000, each)], null)
    await store.lineage.addEdges(key, ['tag/all'])
  }
  await store.close()
  good = readFileSync(join(path, 'data.mdb'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Damage = (file: Buffer) => Buffer

const damages: readonly (readonly [name: string, times: number, damage: Damage])[] = [
  ['whole', 3, (file) => file],
  ['truncated', 20, (file) => file.subarray(0, Math.floor(random() * used(file)))],
  ['truncated to whole pages', 10, (file) => file.subarray(0, Math.floor((random() * used(file)) / PAGE) * PAGE)],
  ['a page of zeros', 30, (file) => over(file, somePage(file), Buffer.alloc(PAGE))],
  ['a page of noise', 30, (file) => over(file, somePage(file), noise(PAGE, Math.floor(random() * 1e9)))],
  ['a page over another', 20, (file) => over(file, somePage(file), file.subarray(somePage(file)).subarray(0, PAGE))],
  ['a flipped bit', 120, (file) => flip(file)],
  ['a flipped bit in the heads', 40, (file) => flip(file, 2 * PAGE)],
  ['empty', 3, () => Buffer.alloc(0)],
  ['garbage', 5, () => Buffer.from(noise(300_000, 5))],
  ['a text', 1, () => Buffer.from('not a database\n'.repeat(1000))],
]

test('no damaged file is served from, and none ends the process', { timeout: 240_000 }, async () => {
  const cases = damages.flatMap(([name, times, damage]) =>
    Array.from({ length: times }, (_, each) => ({ name, path: make(name, each, damage) })),
  )
  const { reports, ended } = await readAll(cases.map((each) => each.path))
  for (const [name, times] of damages) {
    const of = reports.filter((report) => basename(report.path).startsWith(`${name}-`.replaceAll(' ', '_')))
    const sum = (field: 'wrong' | 'faults') => of.reduce((total, report) => total + report[field], 0)
    const served = of.filter((report) => report.present === KEYS).length
    const figures = { files: times, wrong: sum('wrong'), 'process ends': 0, served, replaced: times - served }
    process.stdout.write(`lmdb damaged file, ${name}: ${JSON.stringify(figures)}\n`)
  }
  expect(ended).toEqual([])
  expect(reports).toHaveLength(cases.length)
  expect(reports.filter((report) => report.wrong > 0)).toEqual([])
  expect(reports.filter((report) => !report.usable)).toEqual([])
  for (const report of reports.filter((each) => each.present < KEYS)) {
    expect(report.faults, report.path).toBeGreaterThan(0)
    expect(readdirSync(report.path).filter((name) => name.includes('corrupt'))).toHaveLength(1)
  }
  for (const report of reports.filter((each) => basename(each.path).startsWith('whole'))) {
    expect(report).toMatchObject({ present: KEYS, faults: 0 })
  }
})

interface Report {
  readonly path: string
  readonly present: number
  readonly absent: number
  readonly wrong: number
  readonly faults: number
  readonly usable: boolean
}

/** Reads the folders in child processes; when one ends before its time, the folder it was at is noted and left out. */
async function readAll(paths: readonly string[]): Promise<{ reports: Report[]; ended: string[] }> {
  const reports: Report[] = []
  const ended: string[] = []
  for (let at = 0; at < paths.length; ) {
    const rest = paths.slice(at, at + 100)
    const script = join(import.meta.dirname, 'lmdb-corruption-reader.ts')
    const child = spawn(process.execPath, [script, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    const [code, signal] = await once(child, 'close')
    const lines = text.split('\n').slice(0, -1)
    reports.push(...lines.map((line) => JSON.parse(line) as Report))
    at += lines.length
    if (lines.length < rest.length) ended.push(`${signal ?? code} at ${paths[at++]}`)
  }
  return { reports, ended }
}

function make(name: string, each: number, damage: Damage): string {
  const path = join(folder, `${name}-${each}`.replaceAll(' ', '_'))
  cpSync(join(folder, 'good'), path, { recursive: true, preserveTimestamps: true })
  if (name === 'whole' && each === 0) return path
  const data = join(path, 'data.mdb')
  writeFileSync(data, damage(Buffer.from(good)))
  return path
}

/** Bytes up to the end of the last page that was ever used; behind it lie zeros. */
function used(file: Buffer): number {
  return file.findLastIndex((byte) => byte !== 0) + 1
}

function somePage(file: Buffer): number {
  return Math.floor((random() * used(file)) / PAGE) * PAGE
}

function over(file: Buffer, position: number, bytes: Uint8Array): Buffer {
  file.set(bytes, position)
  return file
}

function flip(file: Buffer, within = used(file)): Buffer {
  const position = Math.floor(random() * within)
  file[position] = (file[position] ?? 0) ^ (1 << Math.floor(random() * 8))
  return file
}

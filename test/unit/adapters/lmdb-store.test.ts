import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Environment, openEnvironment } from '../../../src/adapters/lmdb/environment.ts'
import { seal } from '../../../src/adapters/lmdb/record.ts'
import { type LmdbStore, openLmdbStore } from '../../../src/adapters/lmdb/store.ts'
import { type KckEvent, subscribe } from '../../../src/events.ts'
import { emptyRow, nextRow, sampleMark, sampleRow } from '../../conformance/rows.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const clock = createVirtualClock()
let path: string
let faults: KckEvent[]
let stop: () => void
let close: (() => Promise<void>)[]

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kck-lmdb-'))
  faults = []
  close = []
  stop = subscribe((event) => {
    if (event.type === 'fault') faults.push(event)
  })
})

afterEach(async () => {
  for (const each of close.reverse()) await each()
  stop()
  rmSync(path, { recursive: true, force: true })
})

function open(): LmdbStore {
  const store = openLmdbStore({ path, clock })
  close.push(() => store.close())
  return store
}

function raw(): Environment {
  const environment = openEnvironment({ path, clock })
  close.push(() => environment.close())
  return environment
}

test('what was committed is there when the folder is opened again', async () => {
  const first = open()
  await first.entries.compareAndSet(null, sampleRow('a'))
  await first.close()
  expect((await open().entries.get('a')).row?.rev).toBe(1)
  expect(faults).toEqual([])
})

test('a damaged row reads as absent, is reported, and may be written anew', async () => {
  const { entries } = open()
  await entries.compareAndSet(null, sampleRow('a'))
  const rows = raw().table('rows')
  const record = rows.getBinary(Buffer.from('a')) ?? Buffer.alloc(0)
  record[40] = (record[40] ?? 0) ^ 1
  rows.putSync(Buffer.from('a'), record)
  expect(await entries.get('a')).toEqual({ key: 'a', row: null, marks: [] })
  expect(faults).toMatchObject([{ type: 'fault', key: 'a', where: 'lmdb read' }])
  expect(await entries.compareAndSet(sampleRow('a'), nextRow(sampleRow('a')))).toBe(false)
  expect(await entries.compareAndSet(null, sampleRow('a'))).toBe(true)
  expect((await entries.get('a')).row?.rev).toBe(1)
})

test('a record of another key reads as absent', async () => {
  const { entries } = open()
  await entries.compareAndSet(null, sampleRow('a'))
  const rows = raw().table('rows')
  rows.putSync(Buffer.from('b'), rows.getBinary(Buffer.from('a')) ?? Buffer.alloc(0))
  expect((await entries.get('b')).row).toBeNull()
  expect(faults).toHaveLength(1)
})

test('a row of a newer format reads as absent, is reported, and is never overwritten', async () => {
  const { entries } = open()
  const rows = raw().table('rows')
  const record = newer(Buffer.from('a'), 'what the next version writes')
  rows.putSync(Buffer.from('a'), record)
  expect((await entries.get('a')).row).toBeNull()
  expect(faults).toMatchObject([{ key: 'a' }])
  expect(await entries.compareAndSet(null, sampleRow('a'))).toBe(false)
  expect(rows.getBinary(Buffer.from('a'))).toEqual(record)
})

test('a mark that cannot be read still says that the key is dirty, until it is unmarked', async () => {
  const { entries } = open()
  await entries.mark(['a'], sampleMark('m'), null)
  const marks = raw().table('marks')
  const [place] = [...marks.getKeys({})]
  marks.putSync(place ?? Buffer.alloc(1), Buffer.from('damage'))
  const [mark] = (await entries.get('a')).marks
  expect(mark?.cause).toBe('a mark that cannot be read')
  await entries.unmark('a', [mark?.id ?? ''])
  expect((await entries.get('a')).marks).toEqual([])
})

test('expired records are deleted by the vacuum, chunks with their body, and nothing else is', async () => {
  const store = open()
  const { entries, workIndex } = store
  const soon = clock.now() + 1000
  await entries.compareAndSet(null, emptyRow('gone', { removeAt: soon }))
  await entries.compareAndSet(null, emptyRow('kept'))
  await entries.mark(['gone'], sampleMark('m'), soon)
  await entries.putChunks('gone', 'body', [Buffer.alloc(9), Buffer.alloc(9)], soon)
  await entries.putChunks('kept', 'body', [Buffer.alloc(9)], null)
  await workIndex.put([{ kind: 'intent', id: 'i', at: clock.now(), payload: '{}' }])
  const count = () =>
    ['rows', 'marks', 'bodies', 'chunks', 'work'].map((name) =>
      raw().read(() => [...raw().table(name).getKeys({})].length),
    )
  expect(count()).toEqual([2, 1, 2, 3, 1])
  await clock.advance(1000)
  for (let turn = 0; turn < 10; turn++) store.vacuum(10)
  expect(count()).toEqual([1, 0, 1, 1, 1])
  await clock.advance(86_400_000)
  for (let turn = 0; turn < 10; turn++) store.vacuum(10)
  expect(count()).toEqual([1, 0, 1, 1, 0])
  expect((await entries.get('kept')).row?.rev).toBe(1)
  expect(await entries.getChunks('kept', 'body', 1)).toHaveLength(1)
})

test('a file that was open when the machine stopped is set aside', async () => {
  await fill()
  note((each) => ({ ...each, boot: 'an earlier one', closed: null }))
  expect((await open().entries.get('a')).row).toBeNull()
  expect(setAside()).toHaveLength(1)
  expect(faults).toMatchObject([{ where: 'lmdb open', error: { message: 'The machine stopped while it was open' } }])
})

test('a file that was closed in order outlives the machine', async () => {
  await fill()
  note((each) => ({ ...each, boot: 'an earlier one' }))
  expect((await open().entries.get('a')).row?.rev).toBe(1)
  expect(setAside()).toEqual([])
})

test('a file whose process died is checked, and used when it is whole', async () => {
  await fill()
  note((each) => ({ ...each, closed: null }))
  expect((await open().entries.get('a')).row?.rev).toBe(1)
  expect(setAside()).toEqual([])
})

test('only the latest file that was set aside is kept', async () => {
  for (let turn = 0; turn < 3; turn++) {
    await fill()
    writeFileSync(join(path, 'data.mdb'), 'garbage')
    await clock.advance(1000)
    const store = open()
    expect(await store.entries.compareAndSet(null, sampleRow('new'))).toBe(true)
    await store.close()
  }
  expect(setAside()).toHaveLength(1)
})

test('a folder that a newer KCK made is left alone', async () => {
  await fill()
  note((each) => ({ ...each, format: 99 }))
  expect(() => openLmdbStore({ path, clock })).toThrowError(
    expect.objectContaining({ code: 'INVALID_CONFIG' }) as unknown as Error,
  )
  expect(setAside()).toEqual([])
})

test('a lock that a dead process left does not keep the store from opening', async () => {
  writeFileSync(join(path, 'opening.lock'), '999999999.1')
  expect(await open().entries.compareAndSet(null, sampleRow('a'))).toBe(true)
  expect(existsSync(join(path, 'opening.lock'))).toBe(false)
})

test('a folder opened twice in one process is closed with the second close', async () => {
  const [first, second] = [open(), open()]
  await first.entries.compareAndSet(null, sampleRow('a'))
  await first.close()
  await first.close()
  expect((await second.entries.get('a')).row?.rev).toBe(1)
})

test('a folder that cannot be made is STORE_UNAVAILABLE', () => {
  writeFileSync(join(path, 'file'), '')
  expect(() => openLmdbStore({ path: join(path, 'file', 'store'), clock })).toThrowError(
    expect.objectContaining({ code: 'STORE_UNAVAILABLE' }) as unknown as Error,
  )
})

async function fill(): Promise<void> {
  const store = openLmdbStore({ path, clock })
  await store.entries.compareAndSet(null, sampleRow('a'))
  await store.close()
}

function note(change: (note: Record<string, unknown>) => Record<string, unknown>): void {
  const name = join(path, 'store.json')
  writeFileSync(name, JSON.stringify(change(JSON.parse(readFileSync(name, 'utf8')) as Record<string, unknown>)))
}

function setAside(): string[] {
  return readdirSync(path).filter((name) => name.includes('corrupt'))
}

/** A whole record whose first byte says format 2: the checksum covers that byte as it covers the key. */
function newer(key: Buffer, payload: string): Buffer {
  const record = seal(key, null, [Buffer.from(payload)])
  record[0] = 2
  record.writeUInt32LE(crc32(record.subarray(5), (crc32(key) ^ 2) >>> 0), 1)
  return record
}

test('writes of one moment share a transaction', async () => {
  const { entries } = open()
  const environment = raw()
  const before = environment.stamp()
  const keys = ['a', 'b', 'c', 'd']
  await Promise.all(keys.map((key) => entries.compareAndSet(null, sampleRow(key))))
  expect(environment.stamp()).toBe(before + 1)
  expect((await entries.getMany(keys)).map(({ row }) => row?.rev)).toEqual([1, 1, 1, 1])
})

test('of writes of one key in one moment, the first wins', async () => {
  const { entries } = open()
  const outcomes = await Promise.all([1, 2, 3].map(() => entries.compareAndSet(null, sampleRow('a'))))
  expect(outcomes).toEqual([true, false, false])
})

test('a write that fails undoes itself, and nothing else that shares its transaction', async () => {
  const environment = raw()
  const table = environment.table('rows')
  const put = (name: string) => table.putSync(Buffer.from(name), Buffer.from(name))
  const outcomes = await Promise.allSettled([
    environment.writeSoon(null, () => put('a')),
    environment.writeSoon(null, () => {
      put('b')
      throw new Error('no')
    }),
    environment.writeSoon(null, () => put('c')),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  const stored = environment.read(() => ['a', 'b', 'c'].filter((name) => table.getBinary(Buffer.from(name))))
  expect(stored).toEqual(['a', 'c'])
})

test('what is under way is committed before the folder is closed', async () => {
  const first = open()
  const writing = first.entries.compareAndSet(null, sampleRow('a'))
  await first.close()
  expect(await writing).toBe(true)
  expect((await open().entries.get('a')).row?.rev).toBe(1)
})

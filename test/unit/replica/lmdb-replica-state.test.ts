import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LmdbReplicaState } from '../../../src/adapters/lmdb/replica-state.ts'
import { type KckEvent, subscribe } from '../../../src/events.ts'
import type { Pair } from '../../../src/ports/replica-state.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

let path: string
let state: LmdbReplicaState
const clock = createVirtualClock()
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kck-state-'))
  state = new LmdbReplicaState({ path, clock })
})
afterEach(async () => {
  await state.close()
  rmSync(path, { recursive: true, force: true })
})

const bytes = (text: string) => Buffer.from(text)
const item = (key: string, value: string | null) => ({ key: bytes(key), value: value === null ? null : bytes(value) })
const step = (from: number, ...items: ReturnType<typeof item>[]) => ({
  logId: 'log',
  from,
  to: from + 1,
  items,
  atHead: true,
})
const texts = (pairs: readonly Pair[]) => pairs.map(({ key, value }) => `${key}=${value}`)
const all = () => texts(state.range({}, 1000))

test('applies in order only, and only of one log', () => {
  expect(state.apply(step(0, item('a', '1')))).toBe(true)
  expect(state.apply(step(0, item('a', 'again')))).toBe(false)
  expect(state.apply(step(2, item('a', 'ahead')))).toBe(false)
  expect(state.apply({ ...step(1, item('a', 'other')), logId: 'other' })).toBe(false)
  expect(all()).toEqual(['a=1'])
  expect(state.position()).toEqual({ logId: 'log', id: 1, valid: true })
})

test('is not readable before it has reached the end of the log', () => {
  state.apply({ ...step(0, item('a', '1')), atHead: false })
  expect(() => state.get(bytes('a'))).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
  state.apply(step(1))
  expect(state.get(bytes('a'))).toEqual(bytes('1'))
})

test('says which keys have changed, as far as it remembers', () => {
  state.apply(step(0, item('a', '1')))
  const { version } = state.changes(0)
  const before = state.stamp()
  state.apply(step(1, item('b', '1'), item('a', null)))
  expect(state.stamp()).not.toBe(before)
  expect(state.changes(version)).toEqual({ version: version + 1, keys: [bytes('b'), bytes('a')] })
  expect(state.changes(version + 1).keys).toEqual([])
  for (let id = 2; id < 700; id++) state.apply(step(id, item('c', String(id))))
  expect(state.changes(version).keys).toBeNull()
  state.clear()
  expect(state.changes(version + 698).keys).toBeNull()
})

test('values of every size, up to the largest', () => {
  const sizes = [0, 1, 100, 4000, 5000, 70_000, 1024 * 1024]
  const items = sizes.map((size) => ({ key: bytes(`k${size}`), value: Buffer.alloc(size, size % 251) }))
  state.apply({ ...step(0), items })
  for (const { key, value } of items) expect(state.get(key)).toEqual(value)
  expect(state.size()).toBe(sizes.length)
})

describe('export', () => {
  test('sees one position while others write', async () => {
    const items = Array.from({ length: 5000 }, (_, index) => item(`key ${String(index).padStart(5, '0')}`, 'old'))
    state.apply(step(0, ...items))
    const { position, pages } = state.export()
    state.apply(step(1, item('key 00001', 'new'), item('later', 'new')))
    const seen: string[] = []
    for await (const page of pages) {
      state.apply(step(state.position().id, item(`key ${seen.length}`, 'new')))
      seen.push(...texts(page))
    }
    expect(position).toEqual({ logId: 'log', id: 1, valid: true })
    expect(seen).toEqual(items.map(({ key }) => `${key}=old`))
  })

  test('may end early', async () => {
    state.apply(step(0, item('a', '1')))
    for await (const page of state.export().pages) {
      expect(texts(page)).toEqual(['a=1'])
      break
    }
    state.apply(step(1, item('a', '2')))
    expect(all()).toEqual(['a=2'])
  })
})

describe('replace', () => {
  async function* pages(...texts: string[]): AsyncGenerator<readonly Pair[]> {
    for (const text of texts) yield [{ key: bytes(text), value: bytes('new') }]
  }

  test('is seen at once, whole', async () => {
    state.apply(step(0, item('a', '1')))
    const during: string[][] = []
    const watched = async function* () {
      for await (const page of pages('b', 'c')) {
        during.push(all())
        yield page
      }
    }
    expect(await state.replace({ logId: 'log', id: 7 }, watched())).toBe(true)
    expect(during).toEqual([['a=1'], ['a=1']])
    expect(all()).toEqual(['b=new', 'c=new'])
    expect(state.position()).toEqual({ logId: 'log', id: 7, valid: true })
    expect(state.apply(step(7, item('d', '1')))).toBe(true)
    expect(all()).toEqual(['b=new', 'c=new', 'd=1'])
    expect(await state.replace({ logId: 'log', id: 9 }, pages('z'))).toBe(true)
    expect(all()).toEqual(['z=new'])
  })

  test('of pages that fail changes nothing', async () => {
    state.apply(step(0, item('a', '1')))
    const failing = async function* () {
      yield* pages('b')
      throw new Error('torn')
    }
    await expect(state.replace({ logId: 'log', id: 7 }, failing())).rejects.toThrow('torn')
    expect(all()).toEqual(['a=1'])
    expect(state.position().id).toBe(1)
    expect(await state.replace({ logId: 'log', id: 7 }, pages('b'))).toBe(true)
  })

  test('by what is not newer does nothing', async () => {
    for (let id = 0; id < 5; id++) state.apply(step(id, item('a', String(id))))
    expect(await state.replace({ logId: 'log', id: 5 }, pages('b'))).toBe(false)
    expect(all()).toEqual(['a=4'])
  })

  test('while another one is at it does nothing', async () => {
    const first = Promise.withResolvers<void>()
    const slow = async function* () {
      await first.promise
      yield* pages('slow')
    }
    const replacing = state.replace({ logId: 'log', id: 7 }, slow())
    expect(await state.replace({ logId: 'log', id: 8 }, pages('second'))).toBe(false)
    first.resolve()
    expect(await replacing).toBe(true)
  })

  test('of a state that moved past it meanwhile gives way', async () => {
    state.apply(step(0, item('a', '0')))
    const overtaken = async function* () {
      for (let id = 1; id < 9; id++) state.apply(step(id, item('a', String(id))))
      yield* pages('old')
    }
    expect(await state.replace({ logId: 'log', id: 5 }, overtaken())).toBe(false)
    expect(all()).toEqual(['a=8'])
  })
})

describe('damage', () => {
  const file = () => join(path, 'data.mdb')
  const fill = async () => {
    state.apply(step(0, ...Array.from({ length: 500 }, (_, index) => item(`key ${index}`, 'value'.repeat(20)))))
    await state.close()
  }

  test.each<[string, (data: Buffer) => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['cut off', (data) => data.subarray(0, 9000)],
    ['another program’s', () => Buffer.from('not a database\n'.repeat(5000))],
    ['of zeros behind its head', (data) => Buffer.alloc(data.length).fill(data.subarray(0, 8192), 0, 8192)],
  ])('a file that is %s is moved aside, and what follows begins anew', async (_, damage) => {
    await fill()
    const data = readFileSync(file())
    writeFileSync(file(), damage(data))
    const events: KckEvent[] = []
    const stop = subscribe((event) => events.push(event))
    expect(state.position()).toEqual({ logId: null, id: 0, valid: false })
    stop()
    expect(events).toMatchObject([{ type: 'fault', where: 'lmdb open' }])
    expect(readdirSync(path).filter((name) => name.includes('corrupt'))).toHaveLength(1)
    expect(state.apply(step(0, item('a', '1')))).toBe(true)
    expect(all()).toEqual(['a=1'])
  })

  test('a flipped bit in a value is not served: all of it is built anew', async () => {
    await fill()
    const data = readFileSync(file())
    const note = JSON.parse(readFileSync(join(path, 'store.json'), 'utf8')) as { closed: { modified: number } }
    for (let at = data.indexOf('valuevalue'); at >= 0; at = data.indexOf('valuevalue', at + 4096)) {
      data.writeUInt8(data.readUInt8(at) ^ 1, at)
    }
    writeFileSync(file(), data)
    // As if the disk had done it: the file's time says nothing.
    utimesSync(file(), note.closed.modified / 1000, note.closed.modified / 1000)
    const read = () => Array.from({ length: 500 }, (_, index) => state.get(bytes(`key ${index}`)))
    expect(read).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    expect(state.position().valid).toBe(false)
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { json, raw } from '../../../src/replica/codec.ts'
import type { Replica } from '../../../src/replica/replica.ts'
import { replicaMachines } from '../../support/replica-machines.ts'

const MEBIBYTE = 1024 * 1024
let machines: ReturnType<typeof replicaMachines>
let replica: Replica<unknown>
beforeEach(async () => {
  machines = replicaMachines()
  replica = await machines.ready()
})
afterEach(() => machines.close())

const head = async () => (await machines.log.state()).head

describe('keys', () => {
  const bad: readonly unknown[] = [
    1,
    null,
    undefined,
    {},
    [],
    Symbol('key'),
    true,
    '',
    new Uint8Array(),
    'k'.repeat(1025),
    'é'.repeat(513),
    '\ud800',
  ]
  test.each(bad)('%o is refused before anything is written', async (key) => {
    const wrong = key as string
    expect(() => replica.get(wrong)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
    expect(() => replica.has(wrong)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
    for (const writing of [
      () => replica.set(wrong, 1),
      () => replica.delete(wrong),
      () =>
        replica.setMany([
          ['good', 1],
          [wrong, 1],
        ]),
      () => replica.deleteMany(['good', wrong]),
    ]) {
      await expect(writing()).rejects.toMatchObject({ code: 'BAD_KEY' })
    }
    expect(await head()).toBe(0)
  })

  test('the longest key, and a key of any characters', async () => {
    const keys = ['k'.repeat(1024), 'é'.repeat(512), ' ', '\0', '__proto__', 'a/b:c%2F', '\u{1f4a1}', 'a\nb']
    for (const key of keys) await replica.set(key, key)
    expect(keys.map((key) => replica.get(key))).toEqual(keys)
    expect([...replica.keys()]).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  })

  test('a string and its bytes are one key', async () => {
    await replica.set('é', 'text')
    expect(replica.get(Buffer.from('é'))).toBe('text')
    await replica.set(Buffer.from('é'), 'bytes')
    expect(replica.get('é')).toBe('bytes')
    expect(replica.size).toBe(1)
  })

  test('bytes that are no text need a replica of bytes', async () => {
    const key = Buffer.from([0xff, 0xfe])
    await expect(replica.set(key, 1)).rejects.toMatchObject({ code: 'BAD_KEY' })
    const bytes = await machines.ready<number>('bytes', { keys: 'bytes' })
    await bytes.set(key, 1)
    expect(bytes.get(key)).toBe(1)
    expect([...bytes.keys()]).toEqual([key])
  })
})

describe('values', () => {
  const cyclic: Record<string, unknown> = { name: 'circle' }
  cyclic['self'] = cyclic
  test.each<unknown>([
    'text',
    '',
    0,
    -0,
    Number.NaN,
    12n,
    null,
    false,
    undefined,
    [1, [2, [3]]],
    { a: { b: 1 } },
    new Date(0),
    new Map([['a', new Set([1])]]),
    new Uint8Array([1, 2]),
    /a+/g,
    cyclic,
  ])('%o comes back as it was', async (value) => {
    await replica.set('key', value)
    expect(replica.get('key')).toEqual(value)
    expect(replica.has('key')).toBe(true)
  })

  test('what has no form is refused before anything is written', async () => {
    const { replica: inJson } = machines.open('json', { codec: json() })
    const { replica: inBytes } = machines.open('raw', { codec: raw() })
    await expect(replica.set('key', () => 1)).rejects.toMatchObject({ code: 'UNSTORABLE' })
    await expect(replica.setMany({ good: 1, bad: Symbol('bad') })).rejects.toMatchObject({ code: 'UNSTORABLE' })
    await expect(inJson.set('key', undefined)).rejects.toMatchObject({ code: 'UNSTORABLE' })
    await expect(inBytes.set('key', 'text' as never)).rejects.toMatchObject({ code: 'UNSTORABLE' })
    expect(await head()).toBe(0)
  })

  test('a value of another codec is an error, not a guess', async () => {
    await replica.set('key', { a: 1 })
    const other = await machines.ready('other', { codec: json() })
    expect(() => other.get('key')).toThrow(expect.objectContaining({ code: 'UNSTORABLE' }))
    expect(other.getBytes('key')).toEqual(replica.getBytes('key'))
  })

  test('a decoded value is shared, so it cannot be changed', async () => {
    await replica.set('key', { list: [1, 2] })
    const value = replica.get('key') as { list: number[] }
    expect(() => value.list.push(3)).toThrow(TypeError)
    expect(replica.get('key')).toBe(value)
  })

  test('raw bytes are the reader’s own', async () => {
    const bytes = await machines.ready<Uint8Array>('raw', { codec: raw() })
    await bytes.set('key', Buffer.from('abc'))
    const first = bytes.get('key') as Buffer
    first.fill(0)
    expect(bytes.get('key')).toEqual(Buffer.from('abc'))
  })

  test('what the caller changes after set is not written', async () => {
    const bytes = await machines.ready<Uint8Array>('raw', { codec: raw() })
    const [key, value] = [Buffer.from('key'), Buffer.from('abc')]
    const written = bytes.set(key, value)
    key.fill(0)
    value.fill(0)
    await written
    expect(bytes.get('key')).toEqual(Buffer.from('abc'))
  })
})

describe('reading and writing', () => {
  test('a missing key has no value', () => {
    expect(replica.get('missing')).toBeUndefined()
    expect(replica.getBytes('missing')).toBeUndefined()
    expect(replica.has('missing')).toBe(false)
  })

  test('get after set, after another set, after delete', async () => {
    expect(await replica.set('key', 1)).toBe(1)
    expect(replica.get('key')).toBe(1)
    expect(await replica.set('key', 2)).toBe(2)
    expect(replica.get('key')).toBe(2)
    expect(await replica.delete('key')).toBe(3)
    expect(replica.get('key')).toBeUndefined()
    expect(replica.size).toBe(0)
  })

  test('a set advances the id of this machine', async () => {
    const id = await replica.set('key', 1)
    expect(replica.updateId).toBe(id)
    await machines.ready('there').then((there) => there.set('other', 1))
    expect(await replica.set('key', 2)).toBe(3)
    expect(replica.updateId).toBe(3)
    expect(replica.get('other')).toBe(1)
  })

  test('another instance on the same file sees values and later writes without an update', async () => {
    await replica.set('before', 1)
    const { replica: second } = machines.open('here')
    expect(second.get('before')).toBe(1)
    await replica.set('after', 2)
    expect(second.get('after')).toBe(2)
    await replica.set('before', 3)
    expect(second.get('before')).toBe(3)
  })

  test('another machine sees them after an update, up to the id that it names', async () => {
    const there = await machines.ready('there')
    for (let each = 1; each <= 5; each++) await replica.setMany({ a: each, [`key ${each}`]: each })
    expect(there.get('a')).toBeUndefined()
    expect(await there.update()).toBe(5)
    expect(there.get('a')).toBe(5)
    expect([...there.entries()]).toEqual([...replica.entries()])
    expect(await there.update(3)).toBe(5)
  })

  test('setMany takes maps, lists, objects and generators; of one key the last counts', async () => {
    const generator = function* (): Iterable<[string, number]> {
      yield ['d', 1]
      yield ['d', 2]
    }
    await replica.setMany(new Map([['a', 1]]))
    await replica.setMany([['b', 1]])
    await replica.setMany({ c: 1 })
    await replica.setMany(generator())
    expect([...replica.entries()]).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
      ['d', 2],
    ])
    await replica.deleteMany(new Set(['a', 'b']))
    expect([...replica.keys()]).toEqual(['c', 'd'])
  })

  test('a replica that was never complete says so instead of "missing"', async () => {
    const { replica: fresh } = machines.open('fresh')
    expect(fresh.valid).toBe(false)
    for (const read of [() => fresh.get('key'), () => fresh.has('key'), () => fresh.size, () => [...fresh.keys()]]) {
      expect(read).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    }
    await fresh.update()
    expect(fresh.valid).toBe(true)
    expect(fresh.get('key')).toBeUndefined()
  })

  test('close lets go; what follows takes it up again', async () => {
    await replica.set('key', 1)
    await replica.close()
    await replica.close()
    expect(replica.get('key')).toBe(1)
    await replica.close()
    await replica.set('key', 2)
    expect(replica.get('key')).toBe(2)
  })

  test('destroy: invalid for all processes of the machine, until an update restores it', async () => {
    await replica.setMany({ a: 1, b: 2 })
    const { replica: second } = machines.open('here')
    expect(second.get('a')).toBe(1)
    await replica.destroy()
    expect(second.valid).toBe(false)
    expect(() => second.get('a')).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    expect(await replica.update()).toBe(1)
    expect([...second.entries()]).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })
})

describe('iterators', () => {
  beforeEach(() => replica.setMany({ b: 2, a: 1, d: 4, c: 3 }))

  test('in the order of the keys', () => {
    expect([...replica.keys()]).toEqual(['a', 'b', 'c', 'd'])
    expect([...replica.values()]).toEqual([1, 2, 3, 4])
    expect([...replica.entries()]).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 4],
    ])
  })

  test('keys inserted behind are not seen, ahead they are; what is deleted is not', async () => {
    const keys = replica.keys()
    expect([keys.next().value, keys.next().value]).toEqual(['a', 'b'])
    await replica.setMany({ aa: 0, bb: 0, e: 0 })
    await replica.delete('d')
    expect([...keys]).toEqual(['bb', 'c', 'e'])
    expect(keys.next()).toEqual({ done: true, value: undefined })
  })

  test('ranges and prefixes', async () => {
    await replica.setMany({ 'b/1': 0, 'b/2': 0, b0: 0 })
    const keys = (range: Parameters<typeof replica.keys>[0]) => [...replica.keys(range)]
    expect(keys({ start: 'b', end: 'c' })).toEqual(['b', 'b/1', 'b/2', 'b0'])
    expect(keys({ prefix: 'b/' })).toEqual(['b/1', 'b/2'])
    expect(keys({ prefix: 'b', start: 'b/2' })).toEqual(['b/2', 'b0'])
    expect(keys({ prefix: 'z' })).toEqual([])
    expect(keys({ start: 'd', end: 'a' })).toEqual([])
  })

  test('more keys than are read at a time', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `key ${String(index).padStart(4, '0')}`)
    await replica.setMany(names.map((name): [string, string] => [name, name]))
    expect([...replica.keys({ prefix: 'key' })]).toEqual(names)
    expect(replica.size).toBe(1004)
  })
})

describe('sizes', () => {
  const value = (bytes: number) => Buffer.alloc(bytes, 'x')
  let bytes: Replica<Uint8Array>
  beforeEach(async () => {
    bytes = await machines.ready('raw', { codec: raw() })
  })

  test('a value of 1 MiB is the largest', async () => {
    await bytes.set('key', value(MEBIBYTE))
    expect(bytes.get('key')).toEqual(value(MEBIBYTE))
    await expect(bytes.set('key', value(MEBIBYTE + 1))).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect(await head()).toBe(1)
  })

  test('more than one update holds is split, and all of it is readable', async () => {
    const entries = Array.from({ length: 20 }, (_, index): [string, Buffer] => [`key ${index}`, value(128 * 1024)])
    const id = await bytes.setMany(entries)
    expect(id).toBeGreaterThan(1)
    expect(id).toBeLessThan(5)
    expect(bytes.updateId).toBe(id)
    for (const [key, expected] of entries) expect(bytes.get(key)?.length).toBe(expected.length)
    const there = await machines.ready<Uint8Array>('there', { codec: raw() })
    expect(there.size).toBe(20)
  })

  test('one value that is too large, and nothing is written', async () => {
    const entries: [string, Buffer][] = [
      ['a', value(700 * 1024)],
      ['b', value(700 * 1024)],
      ['c', value(MEBIBYTE + 1)],
    ]
    await expect(bytes.setMany(entries)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect(await head()).toBe(0)
    expect(bytes.size).toBe(0)
  })
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ReplicaCodec } from '../../../src/replica/codec.ts'
import { replicaMachines } from '../../support/replica-machines.ts'

let machines: ReturnType<typeof replicaMachines>
let decoded: string[]
beforeEach(() => {
  machines = replicaMachines()
  decoded = []
})
afterEach(() => machines.close())

/** Text, and a note of every decoding. */
const noting: ReplicaCodec<string> = {
  name: 'noting',
  encode: (value) => Buffer.from(value),
  decode: (bytes) => {
    decoded.push(bytes.toString())
    return bytes.toString()
  },
}

test('a value is decoded once, until it changes', async () => {
  const replica = await machines.ready<string>('here', { codec: noting })
  await replica.setMany({ a: 'a1', b: 'b1', é: 'é1' })
  for (let each = 0; each < 3; each++)
    expect(['a', 'b', 'é'].map((key) => replica.get(key))).toEqual(['a1', 'b1', 'é1'])
  expect(decoded).toEqual(['a1', 'b1', 'é1'])
  await replica.set('é', 'é2')
  await replica.delete('b')
  expect(['a', 'b', 'é'].map((key) => replica.get(key))).toEqual(['a1', undefined, 'é2'])
  expect(decoded).toEqual(['a1', 'b1', 'é1', 'é2'])
})

test('what another process of the machine changes is decoded anew, the rest is not', async () => {
  const replica = await machines.ready<string>('here', { codec: noting })
  const { replica: other } = machines.open<string>('here', { codec: noting })
  await replica.setMany({ a: 'a1', b: 'b1' })
  expect([replica.get('a'), replica.get('b')]).toEqual(['a1', 'b1'])
  await other.set('a', 'a2')
  expect([replica.get('a'), replica.get('b')]).toEqual(['a2', 'b1'])
  expect(decoded).toEqual(['a1', 'b1', 'a2'])
})

test('after more changes than the file remembers everything is decoded anew', async () => {
  const replica = await machines.ready<string>('here', { codec: noting })
  const { replica: other } = machines.open<string>('here', { codec: noting })
  await replica.setMany({ a: 'a1', b: 'b1' })
  expect([replica.get('a'), replica.get('b')]).toEqual(['a1', 'b1'])
  for (let each = 0; each < 600; each++) await other.set('a', `a${each}`)
  expect([replica.get('a'), replica.get('b')]).toEqual(['a599', 'b1'])
  expect(decoded).toEqual(['a1', 'b1', 'a599', 'b1'])
})

test('a file that was emptied is not answered from memory', async () => {
  const replica = await machines.ready<string>('here', { codec: noting })
  const { replica: other } = machines.open<string>('here', { codec: noting })
  await replica.set('a', 'a1')
  expect(replica.get('a')).toBe('a1')
  await other.destroy()
  expect(() => replica.get('a')).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
})

test('what is kept is bounded, and what is read again and again stays', async () => {
  const replica = await machines.ready<string>('here', { codec: noting, cacheBytes: 20_000 })
  const value = 'x'.repeat(900)
  const names = Array.from({ length: 100 }, (_, index) => `key ${index}`)
  await replica.setMany([['hot', 'hot'], ...names.map((name): [string, string] => [name, value])])
  for (const name of names) {
    replica.get('hot')
    replica.get(name)
  }
  expect(decoded.filter((text) => text === 'hot')).toHaveLength(1)
  decoded = []
  for (const name of names.slice(0, 50)) replica.get(name)
  expect(decoded).toHaveLength(50)
})

test('the texts of two keys are not mistaken for each other', async () => {
  const replica = await machines.ready<string>('here', { codec: noting })
  // The UTF-8 bytes of the one, each taken for a character, spell the other.
  await replica.setMany({ é: 'one', 'Ã©': 'two' })
  for (let each = 0; each < 2; each++) expect([replica.get('é'), replica.get('Ã©')]).toEqual(['one', 'two'])
  expect(replica.get(Buffer.from('é'))).toBe('one')
})

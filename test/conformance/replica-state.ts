import { describe, expect, test } from 'vitest'
import type { Pair, ReplicaState } from '../../src/ports/replica-state.ts'

export const bytes = (text: string) => Buffer.from(text)
export const item = (key: string, value: string | null) => ({
  key: bytes(key),
  value: value === null ? null : bytes(value),
})
export const step = (from: number, ...items: ReturnType<typeof item>[]) => ({
  logId: 'log',
  from,
  to: from + 1,
  items,
  atHead: true,
})
export const texts = (pairs: readonly Pair[]) => pairs.map(({ key, value }) => `${key}=${value}`)

/** What every state of a replica does. `opened` gives the one of the test that runs. */
export function replicaStateSuite(opened: () => ReplicaState): void {
  const all = () => texts(opened().range({}, 1000))

  test('applies in order only, and only of one log', () => {
    expect(opened().apply(step(0, item('a', '1')))).toBe(true)
    expect(opened().apply(step(0, item('a', 'again')))).toBe(false)
    expect(opened().apply(step(2, item('a', 'ahead')))).toBe(false)
    expect(opened().apply({ ...step(1, item('a', 'other')), logId: 'other' })).toBe(false)
    expect(all()).toEqual(['a=1'])
    expect(opened().position()).toEqual({ logId: 'log', id: 1, valid: true })
  })

  test('is not readable before it has reached the end of the log', () => {
    opened().apply({ ...step(0, item('a', '1')), atHead: false })
    expect(() => opened().get(bytes('a'))).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    opened().apply(step(1))
    expect(opened().get(bytes('a'))).toEqual(bytes('1'))
  })

  test('says which keys have changed, as far as it remembers', () => {
    opened().apply(step(0, item('a', '1')))
    const { version } = opened().changes(0)
    const before = opened().stamp()
    opened().apply(step(1, item('b', '1'), item('a', null)))
    expect(opened().stamp()).not.toBe(before)
    expect(opened().changes(version)).toEqual({ version: version + 1, keys: [bytes('b'), bytes('a')] })
    expect(opened().changes(version + 1).keys).toEqual([])
    for (let id = 2; id < 700; id++) opened().apply(step(id, item('c', String(id))))
    expect(opened().changes(version).keys).toBeNull()
    opened().clear()
    expect(opened().changes(version + 698).keys).toBeNull()
  })

  test('values of every size, up to the largest', () => {
    const sizes = [0, 1, 100, 4000, 5000, 70_000, 1024 * 1024]
    const items = sizes.map((size) => ({ key: bytes(`k${size}`), value: Buffer.alloc(size, size % 251) }))
    opened().apply({ ...step(0), items })
    for (const { key, value } of items) expect(opened().get(key)).toEqual(value)
    expect(opened().size()).toBe(sizes.length)
  })

  describe('export', () => {
    test('sees one position while others write', async () => {
      const items = Array.from({ length: 5000 }, (_, index) => item(`key ${String(index).padStart(5, '0')}`, 'old'))
      opened().apply(step(0, ...items))
      const { position, pages } = opened().export()
      opened().apply(step(1, item('key 00001', 'new'), item('later', 'new')))
      const seen: string[] = []
      for await (const page of pages) {
        opened().apply(step(opened().position().id, item(`key ${seen.length}`, 'new')))
        seen.push(...texts(page))
      }
      expect(position).toEqual({ logId: 'log', id: 1, valid: true })
      expect(seen).toEqual(items.map(({ key }) => `${key}=old`))
    })

    test('may end early', async () => {
      opened().apply(step(0, item('a', '1')))
      for await (const page of opened().export().pages) {
        expect(texts(page)).toEqual(['a=1'])
        break
      }
      opened().apply(step(1, item('a', '2')))
      expect(all()).toEqual(['a=2'])
    })
  })

  describe('replace', () => {
    async function* pages(...texts: string[]): AsyncGenerator<readonly Pair[]> {
      for (const text of texts) yield [{ key: bytes(text), value: bytes('new') }]
    }

    test('is seen at once, whole', async () => {
      opened().apply(step(0, item('a', '1')))
      const during: string[][] = []
      const watched = async function* () {
        for await (const page of pages('b', 'c')) {
          during.push(all())
          yield page
        }
      }
      expect(await opened().replace({ logId: 'log', id: 7 }, watched())).toBe(true)
      expect(during).toEqual([['a=1'], ['a=1']])
      expect(all()).toEqual(['b=new', 'c=new'])
      expect(opened().position()).toEqual({ logId: 'log', id: 7, valid: true })
      expect(opened().apply(step(7, item('d', '1')))).toBe(true)
      expect(all()).toEqual(['b=new', 'c=new', 'd=1'])
      expect(await opened().replace({ logId: 'log', id: 9 }, pages('z'))).toBe(true)
      expect(all()).toEqual(['z=new'])
    })

    test('of pages that fail changes nothing', async () => {
      opened().apply(step(0, item('a', '1')))
      const failing = async function* () {
        yield* pages('b')
        throw new Error('torn')
      }
      await expect(opened().replace({ logId: 'log', id: 7 }, failing())).rejects.toThrow('torn')
      expect(all()).toEqual(['a=1'])
      expect(opened().position().id).toBe(1)
      expect(await opened().replace({ logId: 'log', id: 7 }, pages('b'))).toBe(true)
    })

    test('by what is not newer does nothing', async () => {
      for (let id = 0; id < 5; id++) opened().apply(step(id, item('a', String(id))))
      expect(await opened().replace({ logId: 'log', id: 5 }, pages('b'))).toBe(false)
      expect(all()).toEqual(['a=4'])
    })

    test('while another one is at it does nothing', async () => {
      const first = Promise.withResolvers<void>()
      const slow = async function* () {
        await first.promise
        yield* pages('slow')
      }
      const replacing = opened().replace({ logId: 'log', id: 7 }, slow())
      expect(await opened().replace({ logId: 'log', id: 8 }, pages('second'))).toBe(false)
      first.resolve()
      expect(await replacing).toBe(true)
    })

    test('of a state that moved past it meanwhile gives way', async () => {
      opened().apply(step(0, item('a', '0')))
      const overtaken = async function* () {
        for (let id = 1; id < 9; id++) opened().apply(step(id, item('a', String(id))))
        yield* pages('old')
      }
      expect(await opened().replace({ logId: 'log', id: 5 }, overtaken())).toBe(false)
      expect(all()).toEqual(['a=8'])
    })
  })
}

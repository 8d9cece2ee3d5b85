import { expect, test } from 'vitest'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import { KckError } from '../../../src/errors.ts'
import type { EntryStore, ReadOptions } from '../../../src/ports/entry-store.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

function products() {
  const source = { value: 1 }
  const leaf = testPrimer({ name: 'leaf', tags: ['source'], compute: () => source.value })
  const above = testPrimer({ name: 'above', compute: ({ get }, { id }) => get(`leaf/${id}`) })
  return { source, primers: [leaf, above] }
}

const never = new AbortController().signal

test('a compute does not read what its process remembers of other products', async () => {
  const { source, primers } = products()
  const one = testKck(primers, { options: { nearCacheBytes: 1_000_000, nearCacheMaxAgeMs: 60_000 } })
  const { clock } = one
  const other = testKck(primers, { clock, store: one.store, queue: one.queue, seed: 2 })
  await clock.run(one.kck.get('above/1'))
  await clock.run(one.kck.get('leaf/1'))
  source.value = 2
  await clock.run(other.kck.invalidateTags(['source']))
  await clock.run(one.kck.work.refresh({ key: 'above/1', cause: 'change', at: clock.now() }, never))
  expect(await clock.run(other.kck.get('above/1', { onlyIfCached: true }))).toBe(2)
})

test('a compute does not read from a replica that is behind', async () => {
  const { source, primers } = products()
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const { entries } = store
  let behind: EntryStore | null = null
  const from = (options: ReadOptions | undefined) =>
    options?.consistency === 'latest' || behind === null ? entries : behind
  const { kck } = testKck(primers, {
    clock,
    store: {
      ...store,
      entries: {
        ...entries,
        get: (key, options) => from(options).get(key, options),
        getMany: (keys, options) => from(options).getMany(keys, options),
      },
    },
  })
  await clock.run(kck.get('above/1'))
  const before = new Map((await entries.getMany(['above/1', 'leaf/1'])).map((entry) => [entry.key, entry]))
  const old = (key: string) => before.get(key) ?? { key, row: null, marks: [] }
  behind = { ...entries, get: async (key) => old(key), getMany: async (keys) => keys.map(old) }
  source.value = 2
  await clock.run(kck.invalidateTags(['source']))
  await clock.run(kck.work.refresh({ key: 'above/1', cause: 'change', at: clock.now() }, never))
  behind = null
  expect(await clock.run(kck.get('above/1', { onlyIfCached: true }))).toBe(2)
})

test.each([
  { by: 'set', above: 'by hand' },
  { by: 'purge', above: 2 },
] as const)(
  'a $by that is repeated because its first answer was an error reaches what rests on it',
  async ({ by, above }) => {
    const { source, primers } = products()
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock })
    const faults = { isLineageDown: false }
    const dependents: typeof store.lineage.dependents = (...call) => {
      if (faults.isLineageDown) throw new KckError('STORE_UNAVAILABLE', 'down')
      return store.lineage.dependents(...call)
    }
    const { kck } = testKck(primers, { clock, store: { ...store, lineage: { ...store.lineage, dependents } } })
    await clock.run(kck.get('above/1'))
    source.value = 2
    const change = async (): Promise<unknown> => (by === 'set' ? kck.set('leaf/1', 'by hand') : kck.purge('leaf/1'))
    faults.isLineageDown = true
    await expect(clock.run(change())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    faults.isLineageDown = false
    await clock.run(change())
    expect(await clock.run(kck.get('above/1', { maxStaleMs: 0 }))).toBe(above)
  },
)

test('a circle over two processes is refused with its path, as soon as a lease would have run out', async () => {
  const reading = (name: string, other: string) =>
    testPrimer({
      name,
      compute: async ({ get, signal }, { id }) => {
        await one.clock.sleep(50, signal)
        return get(`${other}/${id}`)
      },
    })
  const primers = [reading('a', 'b'), reading('b', 'c'), reading('c', 'a')]
  const one = testKck(primers, { seed: 1 })
  const { clock, store, queue } = one
  const two = testKck(primers, { seed: 2, clock, store, queue })
  const deadline = clock.now() + 120_000
  const asked = [one.kck.get('a/1', { deadline }), two.kck.get('b/1', { deadline })]
  const [first, second] = await clock.run(Promise.allSettled(asked))
  const errors = [first, second].map((each) => (each?.status === 'rejected' ? each.reason : null))
  expect(errors.map((error) => error?.code)).toEqual(['CYCLE', 'CYCLE'])
  expect(errors[0]?.details['path']).toHaveLength(4)
})

import { expect, test } from 'vitest'
import { pendingMarks } from '../../../src/entry/freshness.ts'
import type { Kck } from '../../../src/kck/kck.ts'
import type { EntryStore } from '../../../src/ports/entry-store.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

/** A product, and two processes over one store. */
function system() {
  const source = { value: 1, computes: 0, pause: async () => {} }
  const product = testPrimer({
    name: 'product',
    tags: ['source'],
    compute: async () => {
      source.computes += 1
      const { value } = source
      await source.pause()
      return value
    },
  })
  const one = testKck([product], { seed: 1 })
  const { clock, store, queue } = one
  const two = testKck([product], { clock, store, queue, seed: 2 })
  const change = async () => {
    source.value += 1
    await clock.run(one.kck.invalidateTags(['source']))
  }
  const marksLeft = async () => pendingMarks(await clock.run(store.entries.get('product/1'))).length
  return { source, clock, store, queue, product, one: one.kck, two: two.kck, change, marksLeft }
}

const never = new AbortController().signal

test.each(['the same process', 'another process'])(
  'a request that %s looked at later is not done by a refresh that knows of fewer changes',
  async (where) => {
    const { source, clock, one, two, change, marksLeft } = system()
    const other: Kck = where === 'another process' ? two : one
    await clock.run(one.get('product/1'))
    await clock.advance(100)
    const request = { key: 'product/1', cause: 'change', at: clock.now() }
    await change()
    const [early] = await clock.run(one.work.look([request]))
    await change()
    const [late] = await clock.run(other.work.look([request]))
    const refreshes = [one.work.refresh(request, never, early?.seen), other.work.refresh(request, never, late?.seen)]
    await clock.run(Promise.all(refreshes))
    expect(await marksLeft()).toBe(0)
    expect(await clock.run(one.fetch('product/1', { onlyIfCached: true }))).toMatchObject({ state: 'fresh' })
    expect(await clock.run(one.get('product/1'))).toBe(source.value)
  },
)

test('a request is not done by a refresh that read fewer changes than it, and folded the others when it ended', async () => {
  const { source, clock, two, change, product, store, queue } = system()
  await clock.run(two.get('product/1'))
  await clock.advance(100)
  const request = { key: 'product/1', cause: 'change', at: clock.now() }
  await change()
  const early = await store.entries.get('product/1')
  await change()
  const [late] = await clock.run(two.work.look([request]))
  // Its reads took so long that the second change is not in them; its claim is conditional on the row, not on the marks.
  let isBehind = true
  const { entries } = store
  const slow: EntryStore = {
    ...entries,
    get: async (key, options) => (isBehind ? early : entries.get(key, options)),
    compareAndSet: (...args) => {
      isBehind = false
      return entries.compareAndSet(...args)
    },
  }
  const other = testKck([product], { clock, store: { ...store, entries: slow }, queue, seed: 3 }).kck
  source.pause = () => clock.sleep(50)
  const reading = other.get('product/1', { maxStaleMs: 0 })
  await clock.advance(10)
  await clock.run(Promise.all([reading, two.work.refresh(request, never, late?.seen)]))
  expect(await clock.run(two.fetch('product/1', { onlyIfCached: true }))).toMatchObject({ state: 'fresh' })
  expect(await clock.run(two.get('product/1'))).toBe(source.value)
})

test('a look is enough for a refresh, and one that is old is not', async () => {
  const { source, clock, one, change } = system()
  await clock.run(one.get('product/1'))
  const request = { key: 'product/1', cause: 'change', at: clock.now() }
  await change()
  const [look] = await clock.run(one.work.look([request]))
  await clock.run(one.work.refresh(request, never))
  await clock.advance(10_000)
  await clock.run(one.work.refresh(request, never, look?.seen))
  expect(source.computes).toBe(2)
})

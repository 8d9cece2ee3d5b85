import { describe, expect, test } from 'vitest'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

/**
 * A small world: `leaf` reads a source by tag, `left` and `right` read `leaf`, `top` reads both. Counts the computes of
 * each.
 */
function diamond() {
  const source = { leaf: 1, round: false }
  const computes: Record<string, number> = {}
  const count = (name: string) => {
    computes[name] = (computes[name] ?? 0) + 1
  }
  const leaf = testPrimer({
    name: 'leaf',
    tags: ['source'],
    compute: () => {
      count('leaf')
      return source.leaf
    },
  })
  const side = (name: string, make: (value: number) => unknown) =>
    testPrimer({
      name,
      compute: async ({ get }, { id }) => {
        count(name)
        return make((await get(`leaf/${id}`)) as number)
      },
    })
  const left = side('left', (value) => ({ leaf: value }))
  const right = side('right', (value) => (source.round ? { leaf: Math.floor(value / 10) } : { leaf: value }))
  const top = testPrimer({
    name: 'top',
    compute: async ({ get }, { id }) => {
      count('top')
      return [await get(`left/${id}`), await get(`right/${id}`)]
    },
  })
  const made = testKck([leaf, left, right, top])
  const { kck, clock, queue } = made
  return {
    ...made,
    source,
    computes,
    /** Computes made while workers do everything that is asked for. */
    async settle() {
      for (const name of Object.keys(computes)) computes[name] = 0
      const stop = new AbortController()
      const work = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.advance(5_000)
      stop.abort()
      await clock.run(work)
      return { ...computes }
    },
  }
}

describe('a change', () => {
  test('reaches everything below it, and each is computed once', async () => {
    const { kck, clock, source, settle } = diamond()
    expect(await clock.run(kck.get('top/1'))).toEqual([{ leaf: 1 }, { leaf: 1 }])
    source.leaf = 2
    const { marked } = await clock.run(kck.invalidateTags(['source']))
    expect(marked).toBe(4)
    for (const key of ['leaf/1', 'left/1', 'right/1', 'top/1']) {
      expect((await clock.run(kck.fetch(key, { onlyIfCached: true }))).state).toBe('stale')
    }
    expect(await settle()).toEqual({ leaf: 1, left: 1, right: 1, top: 1 })
    const fetched = await clock.run(kck.fetch('top/1'))
    expect([fetched.state, await clock.run(kck.get('top/1'))]).toEqual(['fresh', [{ leaf: 2 }, { leaf: 2 }]])
  })

  test('that changes nothing stops where it does: early cutoff', async () => {
    const { kck, clock, source, settle } = diamond()
    const before = await clock.run(kck.fetch('top/1'))
    await clock.advance(1_000)
    await clock.run(kck.invalidateTags(['source']))
    expect(await settle()).toEqual({ leaf: 1, left: 0, right: 0, top: 0 })
    const after = await clock.run(kck.fetch('top/1'))
    expect([after.state, after.version, after.asOf]).toEqual(['fresh', before.version, before.asOf])
    expect(source.leaf).toBe(1)
  })

  test('stops on the side where it changes nothing', async () => {
    const { kck, clock, source, settle } = diamond()
    source.round = true
    await clock.run(kck.fetch('top/1'))
    source.leaf = 2
    await clock.run(kck.invalidateTags(['source']))
    expect(await settle()).toEqual({ leaf: 1, left: 1, right: 1, top: 1 })
    expect(await clock.run(kck.get('top/1'))).toEqual([{ leaf: 2 }, { leaf: 0 }])
  })

  test('touches nothing that did not read it', async () => {
    const { kck, clock, source, settle } = diamond()
    await clock.run(kck.fetch('top/1'))
    await clock.run(kck.fetch('top/2'))
    source.leaf = 2
    await clock.run(kck.invalidate('leaf/2'))
    expect((await clock.run(kck.fetch('top/1'))).state).toBe('fresh')
    expect(await settle()).toEqual({ leaf: 1, left: 1, right: 1, top: 1 })
  })

  test('of a value set by hand, or purged, reaches what rests on it', async () => {
    const { kck, clock, settle } = diamond()
    await clock.run(kck.fetch('top/1'))
    await clock.run(kck.set('leaf/1', 7))
    await settle()
    expect(await clock.run(kck.get('top/1', { onlyIfCached: true }))).toEqual([{ leaf: 7 }, { leaf: 7 }])
    await clock.run(kck.purge('leaf/1'))
    await settle()
    expect(await clock.run(kck.get('top/1', { onlyIfCached: true }))).toEqual([{ leaf: 1 }, { leaf: 1 }])
  })

  test('found by a refresh for age is one too', async () => {
    const { kck, clock, source, settle } = diamond()
    await clock.run(kck.fetch('top/1'))
    source.leaf = 3
    await clock.run(kck.refresh('leaf/1'))
    expect(await settle()).toEqual({ leaf: 0, left: 1, right: 1, top: 1 })
    expect(await clock.run(kck.get('top/1', { onlyIfCached: true }))).toEqual([{ leaf: 3 }, { leaf: 3 }])
  })
})

test('an edge that a later compute does not need is dropped', async () => {
  const source = { which: 'a', computes: 0 }
  const leaf = testPrimer({ name: 'leaf', compute: (_context, { id }) => id })
  const chooser = testPrimer({
    name: 'chooser',
    tags: ['which'],
    compute: ({ get }) => {
      source.computes += 1
      return get(`leaf/${source.which}`)
    },
  })
  const { kck, clock, store } = testKck([leaf, chooser])
  expect(await clock.run(kck.get('chooser/1'))).toBe('a')
  source.which = 'b'
  await clock.run(kck.invalidateTags(['which']))
  expect(await clock.run(kck.get('chooser/1', { maxStaleMs: 0 }))).toBe('b')
  const below = async (node: string) => (await store.lineage.dependents(node, { limit: 10 })).keys.length
  expect([await below('product/leaf/a'), await below('product/leaf/b')]).toEqual([0, 1])
  const events = await recordEvents(() => clock.run(kck.invalidate('leaf/a')))
  expect(events.filter((event) => event.type === 'dirty').map((event) => event.key)).toEqual(['leaf/a'])
})

import { describe, expect, test } from 'vitest'
import type { KckEvent } from '../../../src/events.ts'
import { int, primer, string, updater } from '../../../src/index.ts'
import type { Source } from '../../../src/ports/source.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { recordEvents, testKck } from '../../support/kck.ts'

/** A till: sales of a shop in a variable, a product that sums them, an updater that adds one. */
function till(options: { readonly wrong?: boolean; readonly sampling?: number } = {}) {
  const sales: number[] = [1, 2, 3]
  const counts = { computes: 0, augments: 0 }
  /** What a sale waits for. */
  const before = { write: Promise.resolve(), commit: Promise.resolve() }
  const total = primer({
    name: 'total',
    parameters: { shop: int() },
    compute: () => {
      counts.computes += 1
      return { sum: sales.reduce((sum, amount) => sum + amount, 0) }
    },
    augment: (current: { sum: number }, { changes }) => {
      counts.augments += 1
      const added = changes.map((change) => (change.after as { amount: number }).amount)
      return { sum: added.reduce((sum, amount) => sum + amount, current.sum) + (options.wrong ? 1 : 0) }
    },
  })
  const sale = updater({
    name: 'sale',
    key: { shop: int() },
    body: { amount: int() },
    changes: ['total/:shop'],
    run: async ({ body }) => {
      if (body['amount'] === 0) throw new Error('refused')
      await before.write
      sales.push(Number(body['amount']))
      await before.commit
    },
  })
  const source: Source = {
    name: 'memory',
    query: () => Promise.reject(new Error('no queries here')),
    transaction: (work) => work({ query: () => Promise.reject(new Error('no queries here')) }),
    describe: async () => [],
    ping: async () => undefined,
    close: async () => undefined,
  }
  const made = testKck([], {
    registry: createRegistry({ primers: [total], updaters: [sale] }),
    sources: new Map([['memory', source]]),
    options: { augmentSampling: options.sampling ?? 0 },
  })
  const { kck, clock, queue } = made
  return {
    ...made,
    before,
    counts,
    sell: (amount: number) => clock.run(kck.update('sale/1', { amount })),
    total: () => clock.run(kck.get('total/1', { maxStaleMs: 0 })),
    async settle() {
      const stop = new AbortController()
      const work = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.advance(1_000)
      stop.abort()
      await clock.run(work)
    },
  }
}

const outcomes = (events: readonly KckEvent[]) =>
  events.flatMap((event) => (event.type === 'augment' ? [event.outcome] : []))

describe('augment', () => {
  test('makes the newer value from the current one and what changed, without a compute', async () => {
    const { counts, sell, settle, total } = till()
    expect(await total()).toEqual({ sum: 6 })
    await sell(10)
    await settle()
    expect(await total()).toEqual({ sum: 16 })
    expect(counts).toEqual({ computes: 1, augments: 1 })
  })

  test('takes all changes since the value was made, each once', async () => {
    const { counts, sell, total } = till()
    await total()
    for (const amount of [10, 20, 30]) await sell(amount)
    expect(await total()).toEqual({ sum: 66 })
    expect(await total()).toEqual({ sum: 66 })
    expect(counts).toEqual({ computes: 1, augments: 1 })
  })

  test('is not used when something else changed too: nobody knows what', async () => {
    const { clock, counts, kck, sell, total } = till()
    await total()
    await sell(10)
    await clock.run(kck.invalidate('total/1'))
    expect(await total()).toEqual({ sum: 16 })
    expect(counts).toEqual({ computes: 2, augments: 0 })
  })

  test('is not used for a change that a compute may have seen already', async () => {
    const { clock, counts, kck, sell, total } = till()
    await sell(10)
    const computing = kck.get('total/1')
    await sell(20)
    await clock.run(computing)
    expect(await total()).toEqual({ sum: 36 })
    expect(counts.augments).toBe(0)
  })

  test('is not used while a change is under way that began before anybody had asked for the product', async () => {
    const { kck, clock, before, counts, sell, settle, total } = till()
    let write = () => {}
    before.write = new Promise((resolve) => {
      write = resolve
    })
    const first = kck.update('sale/1', { amount: 10 })
    await clock.advance(100)
    expect(await total()).toEqual({ sum: 6 })
    before.write = Promise.resolve()
    let commit = () => {}
    before.commit = new Promise((resolve) => {
      commit = resolve
    })
    write()
    await clock.advance(100)
    before.commit = Promise.resolve()
    await sell(100)
    await settle()
    expect(await total()).toEqual({ sum: 116 })
    expect(counts).toMatchObject({ augments: 0 })
    commit()
    await clock.run(first)
    await settle()
    expect(await total()).toEqual({ sum: 116 })
  })

  test('is used for what changes after a change that began before anybody had asked for the product', async () => {
    const { clock, store, counts, sell, settle, total } = till()
    await sell(10)
    expect(await clock.run(store.entries.get('total/1'))).toMatchObject({ row: null, marks: [] })
    expect(await total()).toEqual({ sum: 16 })
    await sell(100)
    await settle()
    expect(await total()).toEqual({ sum: 116 })
    expect(counts).toEqual({ computes: 1, augments: 1 })
  })

  test('is not used while a change is under way that began before the value was made', async () => {
    const { before, clock, counts, kck, sell, total } = till()
    await total()
    const write = Promise.withResolvers<void>()
    before.write = write.promise
    before.commit = new Promise(() => undefined)
    kck.update('sale/1', { amount: 10 }).catch(() => undefined)
    await clock.advance(0)
    expect(await total()).toEqual({ sum: 6 })
    // Its transaction commits, and its process dies before it can say so.
    write.resolve()
    await clock.advance(0)
    before.commit = Promise.resolve()
    await sell(20)
    expect(await total()).toEqual({ sum: 36 })
    expect(counts.augments).toBe(0)
  })

  test('a write that was rolled back changes nothing', async () => {
    const { counts, sell, total } = till()
    await total()
    await expect(sell(0)).rejects.toThrow()
    await sell(5)
    expect(await total()).toEqual({ sum: 11 })
    expect(counts.computes).toBe(1)
  })

  test('one that disagrees with a recompute is switched off, loudly, and the recomputed value stands', async () => {
    const { counts, sell, total } = till({ wrong: true, sampling: 1 })
    await total()
    const events = await recordEvents(async () => {
      await sell(10)
      expect(await total()).toEqual({ sum: 16 })
      await sell(10)
      expect(await total()).toEqual({ sum: 26 })
    })
    expect(outcomes(events)).toEqual(['applied', 'disagreed'])
    expect(events.filter((event) => event.type === 'fault')).toHaveLength(1)
    expect(counts).toEqual({ computes: 3, augments: 1 })
  })
})

/** Parts that change, and a list of what they say that is made anew part by part. */
function parts(options: { readonly sampling?: number } = {}) {
  const source = new Map([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
  const counts = { computes: 0, augments: 0 }
  const part = primer({
    name: 'part',
    parameters: { id: string() },
    compute: async ({ tag }, { id }) => {
      await tag(id)
      return source.get(id) ?? 0
    },
  })
  const list = primer({
    name: 'list',
    compute: async ({ getMany, tag }) => {
      counts.computes += 1
      await tag('list')
      const ids = [...source.keys()]
      const values = await getMany(
        part,
        ids.map((id) => ({ id })),
      )
      return Object.fromEntries(ids.map((id, index) => [`part/${id}`, values[index]]))
    },
    augment: (current: Record<string, unknown>, { changes }) => {
      counts.augments += 1
      return { ...current, ...Object.fromEntries(changes.map(({ key, after }) => [key, after])) }
    },
  })
  const registry = createRegistry({ primers: [part, list], updaters: [] })
  const made = testKck([], { registry, options: { augmentSampling: options.sampling ?? 0 } })
  const { kck, clock } = made
  return {
    ...made,
    counts,
    change: (id: string, value: number) => {
      source.set(id, value)
      return clock.run(kck.invalidateTags([id]))
    },
    list: () => clock.run(kck.get('list', { maxStaleMs: 0 })),
  }
}

describe('augment from products further up', () => {
  test('is handed those that say something else, each once', async () => {
    const { counts, change, list } = parts()
    await list()
    await change('a', 10)
    await change('b', 20)
    await change('c', 3)
    expect(await list()).toEqual({ 'part/a': 10, 'part/b': 20, 'part/c': 3 })
    await change('a', 11)
    expect(await list()).toEqual({ 'part/a': 11, 'part/b': 20, 'part/c': 3 })
    expect(counts).toEqual({ computes: 1, augments: 2 })
  })

  test('is not used when something else changed too', async () => {
    const { counts, change, list, clock, kck } = parts()
    await list()
    await change('a', 10)
    await clock.run(kck.invalidateTags(['list']))
    expect(await list()).toEqual({ 'part/a': 10, 'part/b': 2, 'part/c': 3 })
    expect(counts).toEqual({ computes: 2, augments: 0 })
  })

  test('is compared with a recompute by samples', async () => {
    const { counts, change, list } = parts({ sampling: 1 })
    await list()
    await change('a', 10)
    expect(await list()).toEqual({ 'part/a': 10, 'part/b': 2, 'part/c': 3 })
    expect(counts).toEqual({ computes: 2, augments: 1 })
  })
})

import { describe, expect, test } from 'vitest'
import { primer } from '../../../src/primer/primer.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

/** A product over a tag, another one over it, and a worker. */
function setUp(waits: { readonly debounceMs: number | null; readonly maxDelayMs?: number | null }) {
  const source = { value: 0 }
  const computes = { orders: 0, report: 0 }
  const orders = testPrimer({
    name: 'orders',
    tags: ['orders'],
    maxDelayMs: null,
    ...waits,
    compute: () => {
      computes.orders += 1
      return source.value
    },
  })
  const report = testPrimer({
    name: 'report',
    compute: async ({ get }, { id }) => {
      computes.report += 1
      return get(`orders/${id}`)
    },
  })
  const made = testKck([orders, report])
  const { kck, clock, queue } = made
  const stop = new AbortController()
  const working = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
  const change = async (id?: string) => {
    source.value += 1
    await clock.run(kck.changed({ tags: ['orders'] }, id === undefined ? {} : { id }))
  }
  const end = async () => {
    stop.abort()
    await clock.run(working)
  }
  return { ...made, source, computes, change, end }
}

describe('debounce', () => {
  test('1,000 changes in a window cost one compute, of the last', async () => {
    const { kck, clock, source, computes, change, end } = setUp({ debounceMs: 2_000, maxDelayMs: 10_000 })
    await clock.run(kck.get('report/1'))
    const before = clock.now()
    for (let n = 0; n < 1_000; n++) {
      await change()
      await clock.advance(1)
      // Stale from the first change on, and still served.
      if (n % 100 === 0) expect((await clock.run(kck.fetch('orders/1'))).state).toBe('stale')
    }
    expect(clock.now() - before).toBeLessThan(10_000)
    await clock.advance(20_000)
    expect(computes).toEqual({ orders: 2, report: 2 })
    expect(await clock.run(kck.get('report/1'))).toBe(source.value)
    await end()
  })

  test('without it they cost many', async () => {
    const { kck, clock, computes, change, end } = setUp({ debounceMs: null })
    await clock.run(kck.get('report/1'))
    for (let n = 0; n < 50; n++) {
      await change()
      await clock.advance(10)
    }
    await clock.advance(20_000)
    expect(computes.orders).toBeGreaterThan(20)
    await end()
  })

  test('a refresh waits no longer than the maximum while changes go on', async () => {
    const { kck, clock, computes, change, end } = setUp({ debounceMs: 2_000, maxDelayMs: 5_000 })
    await clock.run(kck.get('orders/1'))
    const at: number[] = []
    const began = clock.now()
    for (let seen = 1; at.length < 3; ) {
      await change()
      await clock.advance(500)
      if (computes.orders > seen) at.push(clock.now() - began)
      seen = computes.orders
    }
    at.forEach((ms, index) => {
      expect(ms).toBeGreaterThan(4_000 * (index + 1))
      expect(ms).toBeLessThan(6_500 * (index + 1))
    })
    await end()
  })

  test('who asks for a fresh value gets it at once', async () => {
    const { kck, clock, source, change, end } = setUp({ debounceMs: 60_000 })
    await clock.run(kck.get('report/1'))
    await change()
    const began = clock.now()
    expect(await clock.run(kck.get('report/1', { maxStaleMs: 0 }))).toBe(source.value)
    expect(clock.now() - began).toBeLessThan(1_000)
    await end()
  })

  test('a mark of a clock that is far ahead puts nothing off', async () => {
    const { kck, clock, store, computes, end } = setUp({ debounceMs: 2_000 })
    await clock.run(kck.get('orders/1'))
    const mark = { id: 'x', at: clock.now() + 3_600_000, cause: 'a change', upstream: false }
    await clock.run(store.entries.mark(['orders/1'], mark, null))
    await clock.run(
      kck.work.refresh({ key: 'orders/1', cause: 'change', at: clock.now() }, new AbortController().signal),
    )
    expect(computes.orders).toBe(2)
    await end()
  })

  test('many changes send few messages', async () => {
    const { kck, clock, change, end } = setUp({ debounceMs: 5_000 })
    await clock.run(kck.get('orders/1'))
    const events = await recordEvents(async () => {
      for (let n = 0; n < 100; n++) await change()
      await clock.advance(30_000)
    })
    expect(
      events.filter(({ type, ...event }) => type === 'queue' && 'action' in event && event.action === 'received'),
    ).toHaveLength(1)
    await end()
  })

  test.each([
    [{ maxDelay: '10s' }, 'maxDelay is for debounce: there is none'],
    [{ debounce: '10s', maxDelay: '5s' }, 'maxDelay must be at least debounce'],
    [{ debounce: 'soon' }, 'debounce is no length of time'],
  ])('%j is refused', (options, message) => {
    expect(() => primer({ name: 'a', compute: () => 1, ...options })).toThrow(message)
  })
})

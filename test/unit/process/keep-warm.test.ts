import { describe, expect, test } from 'vitest'
import type { Schedule } from '../../../src/primer/definition.ts'
import type { ProcessDeps } from '../../../src/process/deps.ts'
import { createProcessWorker } from '../../../src/process/process-worker.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

const MINUTE = 60_000
const schedule = (given: Partial<Schedule>): Schedule => ({
  everyMs: null,
  cron: null,
  timeZone: null,
  over: null,
  ...given,
})

/** `orders` for every customer that `customers` lists, and `total` without a parameter. */
function world(given: { readonly orders?: Schedule; readonly total?: Schedule; readonly idleAfterMs?: number } = {}) {
  const source: { customers: unknown; computes: string[] } = {
    customers: ['a', 'b', 'c'].map((id) => ({ id, name: `customer ${id}` })),
    computes: [],
  }
  const compute = (name: string) => {
    source.computes.push(name)
    return source.computes.length
  }
  const customers = testPrimer({
    name: 'customers',
    parameters: {},
    tags: ['customers'],
    compute: () => source.customers,
  })
  const orders = testPrimer({
    name: 'orders',
    tags: ['orders'],
    schedule: given.orders ?? null,
    idleAfterMs: given.idleAfterMs ?? null,
    compute: (_, { id }) => compute(String(id)),
  })
  const total = testPrimer({
    name: 'total',
    parameters: {},
    schedule: given.total ?? null,
    compute: () => compute('total'),
  })
  const made = testKck([customers, orders, total])
  const { kck, clock, queue, store, entropy } = made
  const deps: ProcessDeps = { kck, store, queue, sources: new Map(), clock, entropy }
  const worker = createProcessWorker(deps)
  const tick = () => clock.run(worker.tick(new AbortController().signal))
  return {
    ...made,
    source,
    tick,
    /** What workers compute while everything asked for is done. */
    async work(ms = 1_000) {
      source.computes = []
      const stop = new AbortController()
      const working = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.advance(ms)
      stop.abort()
      await clock.run(working)
      return [...source.computes].sort()
    },
    /** Time passes, with a tick at the end. */
    async later(ms: number) {
      await clock.advance(ms)
      await tick()
    },
  }
}

describe('every', () => {
  test('refreshes a product without parameters, although nobody knows of a change', async () => {
    const { kck, clock, tick, later, work } = world({ total: schedule({ everyMs: 10 * MINUTE }) })
    expect(await clock.run(kck.get('total'))).toBe(1)
    await tick()
    await later(10 * MINUTE)
    expect(await work()).toEqual(['total'])
    expect(await work()).toEqual([])
    await later(10 * MINUTE)
    expect(await work()).toEqual(['total'])
    expect((await clock.run(kck.fetch('total'))).state).toBe('fresh')
  })

  test('leaves alone what was made lately for another reason, and takes it the next time', async () => {
    const { kck, clock, tick, later, work } = world({ total: schedule({ everyMs: 10 * MINUTE }) })
    await tick()
    await clock.advance(8 * MINUTE)
    await clock.run(kck.get('total'))
    await later(2 * MINUTE)
    expect(await work()).toEqual([])
    await later(10 * MINUTE)
    expect(await work()).toEqual(['total'])
  })

  test('refreshes what is there and primes what is missing, over a domain', async () => {
    const { kck, clock, source, tick, later, work } = world({
      orders: schedule({ everyMs: 10 * MINUTE, over: 'customers' }),
    })
    await clock.run(kck.get('orders/a'))
    await tick()
    await later(10 * MINUTE)
    expect(await work()).toEqual(['a', 'b', 'c'])
    source.customers = [{ id: 'a' }, { id: 'd' }]
    await clock.run(kck.invalidateTags(['customers']))
    await later(10 * MINUTE)
    expect(await work()).toEqual(['a', 'd'])
  })

  test('asks once for a key, however often its time comes before somebody has the time', async () => {
    const { queue, tick, later, work } = world({ orders: schedule({ everyMs: 10 * MINUTE, over: 'customers' }) })
    await tick()
    for (let run = 0; run < 3; run++) await later(10 * MINUTE)
    expect((await queue.depth()).idle).toBe(3)
    expect(await work()).toEqual(['a', 'b', 'c'])
  })

  test('asks again when its messages must be lost', async () => {
    const { queue, clock, tick, later, work } = world({ total: schedule({ everyMs: 10 * MINUTE }) })
    await tick()
    await later(10 * MINUTE)
    for (const delivery of await queue.receive('idle', 10, { waitMs: 0, visibilityMs: 1_000 })) await delivery.ack()
    await later(10 * MINUTE)
    expect(await work()).toEqual([])
    await clock.advance(10 * MINUTE)
    await later(10 * MINUTE)
    expect(await work()).toEqual(['total'])
  })

  test('does not wake what is idle', async () => {
    const { kck, clock, tick, later, work } = world({
      orders: schedule({ everyMs: 10 * MINUTE, over: 'customers' }),
      idleAfterMs: 15 * MINUTE,
    })
    // The first read of each computes it; from the next one on it is known that somebody reads.
    for (const id of ['a', 'b', 'c', 'a', 'b', 'c']) await clock.run(kck.get(`orders/${id}`))
    await tick()
    await later(10 * MINUTE)
    expect(await work()).toEqual(['a', 'b', 'c'])
    for (const id of ['b', 'c']) await clock.run(kck.get(`orders/${id}`))
    await later(10 * MINUTE)
    expect(await work()).toEqual(['b', 'c'])
  })
})

describe('cron', () => {
  test('refreshes everything older than its time, in the time zone', async () => {
    const { kck, clock, tick, later, work } = world({
      total: schedule({ cron: '0 3 * * *', timeZone: 'Europe/Berlin' }),
    })
    await tick()
    await clock.advance(119 * MINUTE)
    await clock.run(kck.get('total'))
    await later(MINUTE)
    expect(await work()).toEqual(['total'])
    await later(23 * 60 * MINUTE)
    expect(await work()).toEqual([])
  })
})

describe('a domain', () => {
  test('may list whole keys; what it lists besides is reported once and stops nobody', async () => {
    const { source, tick, later, work } = world({ orders: schedule({ everyMs: 10 * MINUTE, over: 'customers' }) })
    source.customers = ['orders/a', { id: 'b' }, 'total', 7, null, { name: 'nobody' }, 'orders/a']
    await tick()
    const events = await recordEvents(() => later(10 * MINUTE))
    expect(events.filter(({ type }) => type === 'fault')).toHaveLength(1)
    expect(await work()).toEqual(['a', 'b'])
  })

  test('that is no list fails the run, and the next one is tried', async () => {
    const { source, tick, later, work } = world({ orders: schedule({ everyMs: 10 * MINUTE, over: 'customers' }) })
    const listed = source.customers
    source.customers = { not: 'a list' }
    await tick()
    const events = await recordEvents(() => later(10 * MINUTE))
    expect(events).toContainEqual(expect.objectContaining({ type: 'process', outcome: 'failed' }))
    source.customers = listed
    await later(10 * MINUTE)
    expect(await work()).toEqual([])
  })
})

describe('over without a schedule', () => {
  const filled = { orders: schedule({ over: 'customers' }) }

  test('primes what is missing at boot, and whenever the list has changed; it refreshes nothing', async () => {
    const { kck, clock, source, tick, later, work } = world(filled)
    await tick()
    expect(await work()).toEqual(['a', 'b', 'c'])
    await later(10 * MINUTE)
    expect(await work()).toEqual([])
    source.customers = [{ id: 'a' }, { id: 'd' }]
    await clock.run(kck.refresh('customers'))
    await later(MINUTE)
    expect(await work()).toEqual(['d'])
    await later(10 * MINUTE)
    expect(await work()).toEqual([])
  })
})

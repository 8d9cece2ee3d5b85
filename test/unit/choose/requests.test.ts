import { describe, expect, test } from 'vitest'
import type { RefreshRequest } from '../../../src/ports/refresh-queue.ts'
import { sweep } from '../../../src/process/sweep.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

const HOUR = 3_600_000

function setUp(more: Partial<Parameters<typeof testPrimer>[0]> = {}, computeMs = 0) {
  const source = { computes: 0 }
  const made = testKck([
    testPrimer({
      name: 'product',
      softTtlMs: HOUR,
      tags: ['all'],
      compute: async () => {
        source.computes += 1
        if (computeMs > 0) await made.clock.sleep(computeMs)
        return source.computes
      },
      ...more,
    }),
  ])
  const { clock, kck, store, queue } = made
  return {
    ...made,
    source,
    read: () => clock.run(kck.fetch('product/1')),
    row: async (key = 'product/1') => (await store.entries.get(key)).row,
    /** Lets a worker do what there is to do. */
    work: async (ms: number) => {
      const stop = new AbortController()
      const working = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.advance(ms)
      stop.abort()
      await clock.run(working)
    },
  }
}

describe('reads of a stale product', () => {
  test('move its request to hotter lanes, with few writes', async () => {
    const { kck, clock, queue, read, row } = setUp({}, 60_000)
    await clock.run(kck.fetch('product/1', { deadline: Number.POSITIVE_INFINITY }))
    await clock.run(kck.invalidate('product/1'))
    const before = (await row())?.rev ?? 0
    await queue.receive('normal', 10, { waitMs: 0, visibilityMs: HOUR })
    for (let reads = 0; reads < 100; reads++) await read()
    expect((await row())?.requested).toMatchObject({ lane: 'hot', demand: 64 })
    expect(((await row())?.rev ?? 0) - before).toBe(4)
    expect((await queue.depth()).hot).toBe(1)
  })

  test('add up across processes', async () => {
    const one = setUp()
    const other = testKck([...one.kck.registry.primers.values()], { ...one, seed: 7 })
    await one.read()
    await one.clock.advance(HOUR)
    for (let reads = 0; reads < 4; reads++) {
      await one.read()
      await one.clock.run(other.kck.fetch('product/1'))
    }
    expect((await one.row())?.requested?.demand).toBe(8)
    expect(await one.queue.depth()).toEqual({ hot: 1, normal: 0, idle: 0 })
  })
})

test('a value that another process found to be as it was is asked for again when it is stale again', async () => {
  const one = setUp({ softTtlMs: 10_000, compute: async () => 'the same' })
  const other = testKck([...one.kck.registry.primers.values()], { ...one, seed: 7 })
  await one.read()
  for (let again = 0; again < 3; again++) {
    await one.clock.advance(10_000)
    await one.read()
    const [delivery] = await one.queue.receive('hot', 10, { waitMs: 0, visibilityMs: HOUR })
    expect(delivery?.request).toMatchObject({ key: 'product/1', cause: 'stale-read' })
    await one.clock.run(other.kck.work.refresh(delivery?.request as RefreshRequest, new AbortController().signal))
    await delivery?.ack()
    expect(await one.read()).toMatchObject({ state: 'fresh', version: (await one.row())?.value?.version })
  }
})

describe('a product that nobody reads any more', () => {
  const idle = () => setUp({ idleAfterMs: HOUR, softTtlMs: null })

  test('is not refreshed, until somebody does', async () => {
    const { kck, clock, source, read, work, row } = idle()
    await read()
    await read()
    await clock.advance(HOUR)
    await clock.run(kck.invalidateTags(['all']))
    await work(60_000)
    expect(source.computes).toBe(1)
    expect((await read()).state).toBe('stale')
    await work(60_000)
    expect([source.computes, (await read()).state]).toEqual([2, 'fresh'])
    expect(clock.now() - ((await row())?.readAt ?? 0)).toBeCloseTo(60_000, -1)
  })

  test('is refreshed as long as somebody may', async () => {
    const { kck, clock, source, read, work } = idle()
    await read()
    for (let round = 0; round < 8; round++) {
      await clock.advance(HOUR / 2)
      await read()
      await clock.run(kck.invalidateTags(['all']))
      await work(60_000)
    }
    expect(source.computes).toBe(9)
  })

  test('falls asleep also when it was read but once', async () => {
    const { kck, clock, source, read, work } = idle()
    await read()
    for (let round = 0; round < 4; round++) {
      await clock.run(kck.invalidateTags(['all']))
      await work(HOUR)
    }
    expect(source.computes).toBe(2)
  })

  test('is not looked for by the sweep', async () => {
    const { kck, clock, read, store, queue, entropy, work } = idle()
    await read()
    await read()
    await clock.advance(HOUR)
    await clock.run(kck.invalidateTags(['all']))
    await work(5 * 60_000)
    const swept = sweep({ registry: kck.registry, store, queue, clock, entropy, resume: kck.work.resume })
    expect(await clock.run(swept)).toMatchObject({ sent: 0, complete: true })
  })

  test('costs no write where its primer does not ask', async () => {
    const { read, row } = setUp()
    await read()
    const before = (await row())?.rev
    await read()
    expect([(await row())?.rev, (await row())?.readAt]).toEqual([before, undefined])
  })
})

test('a busy worker finds what is worth most in a long lane, and puts the rest back', async () => {
  const { kck, clock, queue, work, store, entropy } = setUp({}, 20_000)
  const keys = Array.from({ length: 60 }, (_, n) => `product/${n}`)
  for (const key of keys) await clock.run(kck.set(key, 0))
  await clock.run(kck.invalidateTags([]))
  for (const key of keys) {
    const mark = { id: entropy.id(), at: clock.now(), cause: 'test', upstream: false }
    await store.entries.mark([key], mark, null)
  }
  await queue.send(
    'normal',
    keys.map((key) => ({ key, cause: 'change', at: clock.now() })),
  )
  // Read by others, whose messages got lost.
  const { row } = await store.entries.get('product/57')
  const requested = { at: clock.now(), lane: 'hot', cause: 'stale-read', demand: 1_000 }
  if (row) await store.entries.compareAndSet(row, { ...row, rev: row.rev + 1, requested })

  const events = await recordEvents(() => work(30_000))
  const begun = events.flatMap((event) => (event.type === 'lease' && event.outcome === 'taken' ? [event.key] : []))
  expect(begun.indexOf('product/57')).toBe(4)
  const done = events.filter((event) => event.type === 'queue' && event.action === 'acknowledged')
  const { hot, normal, idle } = await queue.depth()
  expect(hot + normal + idle).toBe(60 - done.length)
  expect(hot + idle).toBeGreaterThan(0)
})

import { expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

function setUp() {
  const source = { value: 1, computes: 0 }
  const primer = testPrimer({
    name: 'product',
    softTtlMs: 60_000,
    compute: (_context, { id }) => {
      source.computes += 1
      if (id === 'poison') throw new KckError('COMPUTE_FAILED', 'no')
      return source.value
    },
  })
  const made = testKck([primer])
  const stop = new AbortController()
  const worker = new RefreshWorker({ queue: made.queue, work: made.kck.work, clock: made.clock })
  return { ...made, source, stop, running: () => worker.run(stop.signal) }
}

test('a worker makes a stale product fresh after a stale read', async () => {
  const { kck, clock, source, stop, running } = setUp()
  await clock.run(kck.fetch('product/1'))
  await clock.advance(60_000)
  source.value = 2
  expect((await clock.run(kck.fetch('product/1'))).state).toBe('stale')
  const work = running()
  await clock.advance(1_000)
  expect((await clock.run(kck.fetch('product/1'))).state).toBe('fresh')
  expect(source.computes).toBe(2)
  stop.abort()
  await clock.run(work)
})

test('a failing key comes back later and later, is parked, and its mates never notice', async () => {
  const { kck, clock, queue, source, stop, running } = setUp()
  const request = (key: string) => ({ key, cause: 'manual', at: clock.now() })
  await queue.send('normal', [request('product/poison'), request('product/1'), request('nope/1'), request('product/2')])
  const work = running()
  await clock.advance(1_000)
  expect((await clock.run(kck.fetch('product/2', { onlyIfCached: true }))).state).toBe('fresh')
  await clock.advance(3_600_000)
  // Ten tries of the poison, one of each of the others.
  expect([source.computes, (await queue.depth()).normal]).toEqual([12, 0])
  stop.abort()
  await clock.run(work)
})

test('what a stopped worker only holds goes back at once', async () => {
  const { clock, queue, stop, running } = setUp()
  stop.abort()
  await queue.send('idle', [{ key: 'product/1', cause: 'manual', at: clock.now() }])
  await clock.run(running())
  expect((await queue.depth()).idle).toBe(1)
})

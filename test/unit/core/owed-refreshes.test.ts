import { expect, test } from 'vitest'
import { createMemoryRefreshQueue } from '../../../src/adapters/memory/refresh-queue.ts'
import { sweep } from '../../../src/process/sweep.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

/** A product that takes a second, workers, and a queue that loses messages when it is told to. */
function world() {
  const clock = new VirtualClock()
  const source = { value: 1, losesMessages: false }
  const primer = testPrimer({
    name: 'product',
    compute: async ({ signal }) => {
      const { value } = source
      await clock.sleep(1_000, signal)
      return value
    },
  })
  const safe = createMemoryRefreshQueue({ clock, entropy: new SeededEntropy(3) })
  const send: typeof safe.send = async (...call) => {
    if (!source.losesMessages) await safe.send(...call)
  }
  const made = testKck([primer], { clock, queue: { ...safe, send } })
  const { kck } = made
  const never = new AbortController().signal
  void new RefreshWorker({ queue: safe, work: kck.work, clock }).run(never)
  const cached = async () => {
    const fetched = await clock.run(kck.fetch('product/1', { onlyIfCached: true }))
    return [fetched.state, JSON.parse(Buffer.from(await fetched.body.bytes('identity')).toString()).value]
  }
  return { ...made, clock, source, cached }
}

test('an invalidated product whose message is lost is found by the sweep', async () => {
  const { kck, clock, source, cached, ...ports } = world()
  await clock.run(kck.fetch('product/1'))
  Object.assign(source, { value: 2, losesMessages: true })
  await clock.run(kck.invalidate('product/1'))
  source.losesMessages = false
  await clock.advance(180_000)
  await clock.run(sweep({ ...ports, clock, registry: kck.registry, resume: kck.work.resume }))
  await clock.advance(5_000)
  expect(await cached()).toEqual(['fresh', 2])
})

test('a product that is invalidated while it is computed is computed again', async () => {
  const { kck, clock, source, cached } = world()
  const first = kck.fetch('product/1')
  await clock.advance(500)
  source.value = 2
  await clock.run(kck.invalidate('product/1'))
  await clock.run(first)
  await clock.advance(10_000)
  expect(await cached()).toEqual(['fresh', 2])
})

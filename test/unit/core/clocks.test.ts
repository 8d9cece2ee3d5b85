import { expect, test } from 'vitest'
import type { Clock } from '../../../src/ports/clock.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

/** Two processes over one store; the clock of the second is four seconds ahead. */
function skewed() {
  const source = { value: 1 }
  const leaf = testPrimer({ name: 'leaf', tags: ['source'], compute: () => source.value })
  const above = testPrimer({ name: 'above', compute: ({ get }, { id }) => get(`leaf/${id}`) })
  const one = testKck([leaf, above], { seed: 1 })
  const { clock, store, queue } = one
  const ahead: Clock = { now: () => clock.now() + 4_000, sleep: (ms, signal) => clock.sleep(ms, signal) }
  const two = testKck([leaf, above], { clock: ahead as never, store, queue, seed: 2 })
  return { source, clock, one: one.kck, ahead: two.kck }
}

test('a change announced by a clock that is ahead counts at once', async () => {
  const { source, clock, one, ahead } = skewed()
  await clock.run(one.get('above/1'))
  source.value = 2
  await clock.run(ahead.invalidateTags(['source']))
  expect(await clock.run(one.get('above/1', { maxStaleMs: 0 }))).toBe(2)
})

test('a value computed by a clock that is ahead does not pass for one computed just now', async () => {
  const { source, clock, one, ahead } = skewed()
  await clock.run(ahead.get('leaf/1'))
  await clock.run(ahead.get('above/1'))
  source.value = 2
  await clock.run(one.invalidateTags(['source']))
  const request = { key: 'leaf/1', cause: 'change', at: clock.now() }
  await clock.run(one.work.refresh(request, new AbortController().signal))
  expect((await clock.run(one.fetch('leaf/1'))).state).toBe('fresh')
  expect(await clock.run(one.get('above/1', { maxStaleMs: 0 }))).toBe(2)
})

test('who only waits for somebody else gets a value that has seen what was known', async () => {
  const { source, clock, one, ahead } = skewed()
  await clock.run(ahead.get('leaf/1'))
  source.value = 2
  await clock.run(one.invalidateTags(['source']))
  const values = await clock.run(
    Promise.all([one, ahead, one, ahead].map((kck) => kck.get('leaf/1', { maxStaleMs: 0 }))),
  )
  expect(values).toEqual([2, 2, 2, 2])
})

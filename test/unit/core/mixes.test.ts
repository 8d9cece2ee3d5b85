import { expect, test } from 'vitest'
import type { Clock } from '../../../src/ports/clock.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

/**
 * A diamond whose right side is computed, and whose source then changes; the change has come to `leaf` and no further.
 * Two processes over one store; the clock of the second is four seconds ahead.
 */
async function halfway() {
  const source = { value: 1, failing: false }
  const leaf = testPrimer({ name: 'leaf', compute: () => source.value })
  const left = testPrimer({ name: 'left', compute: ({ get }, { id }) => get(`leaf/${id}`) })
  const between = testPrimer({ name: 'between', compute: ({ get }, { id }) => get(`leaf/${id}`) })
  const right = testPrimer({
    name: 'right',
    compute: ({ get }, { id }) => {
      if (source.failing) throw new Error('not now')
      return get(`leaf/${id}`)
    },
  })
  const far = testPrimer({ name: 'far', compute: ({ get }, { id }) => get(`between/${id}`) })
  const pair = (name: string, one: string, other: string) =>
    testPrimer({
      name,
      compute: async ({ get }, { id }) => [await get(`${one}/${id}`), await get(`${other}/${id}`)],
    })
  const primers = [leaf, left, between, right, far, pair('top', 'left', 'right'), pair('long', 'left', 'far')]
  const one = testKck(primers, { seed: 1 })
  const { clock, store, queue } = one
  const ahead: Clock = { now: () => clock.now() + 4_000, sleep: (ms, signal) => clock.sleep(ms, signal) }
  const two = testKck(primers, { clock: ahead as never, store, queue, seed: 2 })
  const mark = (key: string, upstream: boolean) =>
    store.entries.mark([key], { id: `change ${key}`, at: clock.now(), cause: 'test', upstream }, null)
  const change = async () => {
    source.value = 2
    await mark('leaf/1', false)
  }
  return { source, clock, one: one.kck, ahead: two.kck, change, mark }
}

test('a side that a clock ahead of this one computed is made anew', async () => {
  const { clock, one, ahead, change } = await halfway()
  await clock.run(ahead.get('right/1'))
  await change()
  expect(await clock.run(one.get('top/1'))).toEqual([2, 2])
})

test('a side is made anew all the way up to what is newer', async () => {
  const { clock, one, change } = await halfway()
  await clock.run(one.get('far/1'))
  await clock.advance(1_000)
  await change()
  expect(await clock.run(one.get('long/1'))).toEqual([2, 2])
})

test('a mix that could not be helped is not kept because nothing that it was made of has changed', async () => {
  const { source, clock, one, change, mark } = await halfway()
  await clock.run(one.get('right/1'))
  await clock.advance(1_000)
  await change()
  source.failing = true
  expect(await clock.run(one.get('top/1'))).toEqual([2, 1])
  source.failing = false
  await clock.advance(60_000)
  await mark('top/1', true)
  expect(await clock.run(one.get('top/1', { maxStaleMs: 0 }))).toEqual([2, 2])
})

import { describe, expect, test } from 'vitest'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { afterMicrotasks, VirtualClock } from '../../../src/testing/virtual-clock.ts'

describe.each([
  ['turns of the event loop', {}],
  ['microtasks', { settled: afterMicrotasks }],
])('a virtual clock that waits for %s', (_, options) => {
  test('wakes sleepers in the order of their times, then of their calls', async () => {
    const clock = new VirtualClock(0, options)
    const woken: string[] = []
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms)
      woken.push(`${name} at ${clock.now()}`)
    }
    const all = ['a', 'b', 'c', 'd', 'e'].map((name, index) => sleep(name, [30, 10, 20, 10, 0][index] ?? 0))
    await clock.advance(20)
    expect(woken).toEqual(['e at 0', 'b at 10', 'd at 10', 'c at 20'])
    await clock.run(Promise.all(all))
    expect(woken.at(-1)).toBe('a at 30')
  })

  test('lets what is done at a moment start new sleeps before time goes on', async () => {
    const clock = new VirtualClock(0, options)
    const chain = async () => {
      for (let step = 0; step < 100; step++) await clock.sleep(1)
      return clock.now()
    }
    expect(await clock.run(chain())).toBe(100)
  })

  test('ends a sleep whose signal aborts, with its reason', async () => {
    const clock = new VirtualClock(0, options)
    const stop = new AbortController()
    const sleeping = clock.sleep(1_000, stop.signal)
    clock.after(10, () => stop.abort('enough'))
    await expect(clock.run(sleeping)).rejects.toBe('enough')
    expect(clock.now()).toBe(10)
    await expect(clock.sleep(1, stop.signal)).rejects.toBe('enough')
  })

  test('keeps thousands of sleeps in order', async () => {
    const clock = new VirtualClock(0, options)
    const { random } = new SeededEntropy(7)
    const times: number[] = []
    const draw = random.bind(new SeededEntropy(7))
    for (let count = 0; count < 5_000; count++) clock.after(Math.floor(draw() * 1_000), () => times.push(clock.now()))
    await clock.advance(1_000)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times).toHaveLength(5_000)
  })
})

test('entropy is the same for the same seed, and its ids differ', () => {
  const ids = (seed: number, prefix: string) => {
    const entropy = new SeededEntropy(seed, prefix)
    return Array.from({ length: 1_000 }, () => entropy.id())
  }
  expect(ids(1, 'web')).toEqual(ids(1, 'web'))
  expect(new Set([...ids(1, 'web'), ...ids(1, 'wrk')]).size).toBe(2_000)
  expect(ids(2, 'web').every((id) => /^web[0-9A-Za-z_-]{13}$/.test(id))).toBe(true)
})

import { expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import type { Explanation } from '../../../src/operate/explanation.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

const codes = ({ reasons }: Explanation) => reasons.map(({ code }) => code)
const texts = ({ reasons }: Explanation) => reasons.map(({ text }) => text).join('\n')

function system(given: Parameters<typeof testPrimer>[0] = { name: 'order', compute: () => 1 }) {
  const made = testKck([testPrimer(given)])
  const { kck, clock } = made
  return { ...made, explain: () => clock.run(kck.operate.explain('order/7')), run: clock.run.bind(clock) }
}

test('fresh: what it is and what happened, no reasons', async () => {
  const { kck, run, explain } = system({ name: 'order', softTtlMs: 60_000, compute: () => ({ total: 3 }) })
  await run(kck.fetch('order/7'))
  const explained = await explain()
  expect(explained).toMatchObject({
    key: 'order/7',
    state: 'fresh',
    reasons: [],
    value: { version: expect.any(Number) },
  })
  expect(explained.history).toMatchObject([{ what: 'computed', cause: 'miss', rows: 0 }])
  expect(explained.refresh.dueAt).toBe(explained.value?.softExpiresAt)
})

test('missing: never computed, purged, or past its hard TTL', async () => {
  const { kck, clock, run, explain } = system({ name: 'order', softTtlMs: 1_000, hardTtlMs: 5_000, compute: () => 1 })
  expect(codes(await explain())).toEqual(['never-computed'])
  await run(kck.fetch('order/7'))
  await clock.advance(6_000)
  expect(codes(await explain())).toEqual(['hard-expired'])
  await run(kck.fetch('order/7'))
  await run(kck.purge('order/7', { cause: 'a test' }))
  expect(codes(await explain())).toEqual(['purged'])
  expect(texts(await explain())).toContain('a test')
})

test('a change: which one, and that nobody has refreshed it yet', async () => {
  const { kck, run, explain } = system()
  await run(kck.fetch('order/7'))
  await run(kck.invalidate('order/7', { cause: 'update order/7' }))
  const explained = await explain()
  expect(explained.state).toBe('stale')
  expect(codes(explained)[0]).toBe('changed')
  expect(texts(explained)).toContain('update order/7')
})

test('a soft TTL, and a definition that changed', async () => {
  const { kck, clock, store, run } = system({ name: 'order', softTtlMs: 1_000, compute: () => 1 })
  await run(kck.fetch('order/7'))
  await clock.advance(2_000)
  const later = testKck([testPrimer({ name: 'order', softTtlMs: 1_000, revision: 'r2', compute: () => 1 })], {
    store,
    clock,
  })
  const explained = await run(later.kck.operate.explain('order/7'))
  expect(codes(explained).slice(0, 2)).toEqual(['definition-changed', 'soft-expired'])
})

test('a failing primer: backing off with its error, then parked, then given up by hand', async () => {
  const { kck, clock, run, explain } = system({
    name: 'order',
    compute: () => {
      throw new KckError('COMPUTE_FAILED', 'relation "orders" does not exist')
    },
  })
  const failing = () => run(kck.fetch('order/7')).catch(() => undefined)
  await failing()
  const once = await explain()
  expect(codes(once)).toEqual(['never-computed', 'backing-off'])
  expect(once.refresh.failure).toMatchObject({ attempts: 1, code: 'COMPUTE_FAILED' })
  expect(once.history[0]).toMatchObject({ what: 'failed', error: expect.stringContaining('does not exist') })
  expect((await run(kck.operate.backlog())).failing).toMatchObject([{ key: 'order/7', attempts: 1 }])

  expect(await run(kck.operate.discard('order/7'))).toBe(true)
  expect((await explain()).refresh.failure?.retryAt).toBeNull()
  await clock.advance(3_600_000)
  await expect(run(kck.fetch('order/7'))).rejects.toMatchObject({ details: { parked: true } })
})

test('a stale value whose refresh fails says so, and names the error', async () => {
  let works = true
  const { kck, run, explain } = system({
    name: 'order',
    compute: () => {
      if (!works) throw new KckError('SOURCE_UNAVAILABLE', 'The source shop does not answer')
      return 1
    },
  })
  await run(kck.fetch('order/7'))
  works = false
  await run(kck.invalidate('order/7'))
  await run(kck.refresh('order/7')).catch(() => undefined)
  const explained = await explain()
  expect(explained.state).toBe('failed')
  expect(codes(explained)).toEqual(['changed', 'backing-off'])
  expect(texts(explained)).toContain('The source shop does not answer')
})

test('a process that died while it computed', async () => {
  const { kck, clock, store, run, explain } = system()
  await run(kck.fetch('order/7'))
  await run(kck.invalidate('order/7'))
  const never = testKck([testPrimer({ name: 'order', compute: () => new Promise(() => undefined) })], {
    store,
    clock,
    seed: 2,
  })
  void never.kck.refresh('order/7').catch(() => undefined)
  await clock.advance(100)
  expect(codes(await explain())).toEqual(['changed', 'computing'])
})

test('an input that is newer, stale or failing is named', async () => {
  let price = 1
  const item = testPrimer({ name: 'item', compute: () => price })
  const order = testPrimer({ name: 'order', compute: async ({ get }) => get('item/1') })
  const { kck, clock } = testKck([item, order])
  await clock.run(kck.fetch('order/7'))
  price = 2
  await clock.run(kck.invalidate('item/1', { cause: 'update item/1' }))
  const explained = await clock.run(kck.operate.explain('order/7'))
  expect(codes(explained)).toContain('input-stale')
  expect(texts(explained)).toContain('item/1')
  expect(explained.inputs).toMatchObject([{ node: 'product/item/1', state: 'stale' }])
  expect(await clock.run(kck.operate.explain('item/1'))).toMatchObject({
    dependents: { keys: ['order/7'], more: false },
  })
})

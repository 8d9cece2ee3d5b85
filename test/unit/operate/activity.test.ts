import { afterEach, expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import { emit } from '../../../src/events.ts'
import { Activity } from '../../../src/operate/activity.ts'
import { listProducts } from '../../../src/operate/products.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { testPrimer, testRegistry } from '../../support/kck.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function listening(seed = 1) {
  const activity = new Activity({ clock: new VirtualClock(), entropy: new SeededEntropy(seed) })
  stops.push(activity.listen())
  return activity
}

const happen = () => {
  emit({ type: 'hit', key: 'order/7', tier: 'near', ageMs: 100 })
  emit({ type: 'stale', key: 'order/8', tier: 'store', ageMs: 50, cause: 'x' })
  emit({ type: 'miss', key: 'order/9' })
  emit({ type: 'prime', key: 'order/9', cause: 'miss', costMs: 20, version: 1, bytes: 9, changed: true })
  emit({
    type: 'compute-failed',
    key: 'item/1',
    cause: 'miss',
    costMs: 5,
    attempts: 1,
    retryAt: null,
    error: new KckError('COMPUTE_FAILED', 'no such table'),
  })
  emit({ type: 'budget', source: 'shop', outcome: 'waited', waitedMs: 30 })
  emit({ type: 'process', name: 'sweep', outcome: 'failed', error: new Error('gone') })
}

test('counts by product, and tells what is worth telling', () => {
  const activity = listening()
  happen()
  const { products, runs, budgets, events } = activity.state
  expect(products).toEqual({
    order: { hits: 1, stale: 1, misses: 1, computes: 1, failures: 0, costMs: 20, ageMs: 150, lastError: null },
    item: expect.objectContaining({ failures: 1, lastError: 'COMPUTE_FAILED: no such table' }),
  })
  expect(budgets).toEqual({ shop: { waited: 1, refused: 0, waitedMs: 30 } })
  expect(runs['sweep']).toMatchObject({ outcome: 'failed', error: 'gone' })
  expect(events.map(({ type, key }) => [type, key])).toEqual([
    ['prime', 'order/9'],
    ['compute-failed', 'item/1'],
    ['process', null],
  ])
})

test('other processes add what they took, once', () => {
  const here = listening()
  happen()
  const taken = here.take()
  expect(here.take()).toBeNull()
  const there = new Activity({ clock: new VirtualClock(), entropy: new SeededEntropy(2) })
  if (taken) there.add(JSON.parse(JSON.stringify(taken)))
  expect(there.state).toEqual(here.state)
  expect(there.take()).toBeNull()
})

test('keeps the newest events only', () => {
  const activity = listening()
  for (let n = 0; n < 3_000; n++) emit({ type: 'dirty', key: `order/${n}`, cause: 'x'.repeat(1_000) })
  const { events } = activity.state
  expect(events).toHaveLength(500)
  expect(events.at(-1)?.key).toBe('order/2999')
  expect(events.at(-1)?.text.length).toBe(300)
})

test('a thousand products are listed in pages, and searched', () => {
  const names = Array.from({ length: 1_000 }, (_, n) => `p${String(n).padStart(4, '0')}`)
  const registry = testRegistry(names.map((name) => testPrimer({ name, compute: () => 1 })))
  const page = listProducts(registry, {}, { offset: 990, limit: 50 }, 0)
  expect([page.total, page.products.map(({ name }) => name)]).toEqual([1_000, names.slice(990)])
  expect(listProducts(registry, {}, { search: 'P001' }, 0).products.map(({ name }) => name)).toEqual(
    names.slice(10, 20),
  )
})

import { expect, test } from 'vitest'
import { FifoOrder } from '../../../bench/support/choose/fifo-order.ts'
import { LanesOrder } from '../../../bench/support/choose/lanes-order.ts'
import { OriginalOrder, STRATEGIES } from '../../../bench/support/choose/original-order.ts'
import { recordedTrace } from '../../../bench/support/choose/recorded.ts'
import { type Order, simulate, type World } from '../../../bench/support/choose/simulate.ts'
import { CHANGE, offeredLoad, READ, traceOf } from '../../../bench/support/choose/trace.ts'

/** One slot; `a` costs 10 s and `b` 1 s; both change at 0, then `b` is read every second. */
const trace = traceOf(
  { name: 'two', seconds: 20, slots: 1, costS: Float64Array.of(10, 1), softTtlS: Float64Array.of(60, 5) },
  [
    { at: 0, kind: CHANGE, key: 0 },
    { at: 0, kind: CHANGE, key: 1 },
    ...Array.from({ length: 20 }, (_, second) => ({ at: second + 0.5, kind: READ, key: 1 })),
  ],
)

test('what a reader meets is what the order leaves stale', () => {
  const outcome = simulate(trace, (world) => new FifoOrder(world))
  // Eleven reads until `b` is computed, of values stale for 0.5 to 10.5 s.
  expect(outcome.meanStaleS).toBeCloseTo((11 * 5.5) / 20)
  expect(outcome).toMatchObject({ p99StaleS: 10.5, missed: 1, computes: 2 })
  expect(outcome.lateReads).toBeCloseTo(6 / 20)
  expect([outcome.load, offeredLoad(trace)]).toEqual([11 / 20, 11 / 20])
})

test('what changes while it is computed is computed again', () => {
  const again = traceOf({ ...trace, seconds: 40 }, [
    { at: 0, kind: CHANGE, key: 0 },
    { at: 5, kind: CHANGE, key: 0 },
    { at: 35, kind: READ, key: 0 },
  ])
  expect(simulate(again, (world) => new FifoOrder(world))).toMatchObject({ computes: 2, meanStaleS: 0 })
})

const orders: Readonly<Record<string, (world: World) => Order>> = {
  fifo: (world) => new FifoOrder(world),
  ...Object.fromEntries(STRATEGIES.map((name) => [name, (world: World) => new OriginalOrder(world, name)])),
  kck: (world) => new LanesOrder(world),
}

test.each(Object.entries(orders))('%s computes everything once, and the same way each time', (_, makeOrder) => {
  const keys = 500
  const each = { costS: new Float64Array(keys).fill(2), softTtlS: new Float64Array(keys).fill(60) }
  const changes = Array.from({ length: keys }, (_, key) => ({ at: 0, kind: CHANGE, key }))
  const many = traceOf({ name: 'many', seconds: 2_000, slots: 3, ...each }, [
    ...changes,
    { at: 1_999, kind: READ, key: 7 },
  ])
  const outcome = simulate(many, makeOrder)
  expect(outcome).toMatchObject({ computes: keys, meanStaleS: 0 })
  expect(simulate(many, makeOrder)).toEqual(outcome)
})

test('a recording becomes a trace', () => {
  const lines = [
    '{"at":1000,"type":"dirty","key":"a","cause":"x"}',
    '{"at":3000,"type":"stale","key":"a"}',
    '{"at":4000,"type":"prime","key":"a","costMs":500}',
    '{"at":5000,"type":"hit","key":"b"}',
    '{"at":6000,"type":"update"}',
    '',
  ]
  const { seconds, costS, at, kind, key } = recordedTrace('recorded', lines, 2)
  expect({ seconds, costS: [...costS], at: [...at], kind: [...kind], key: [...key] }).toEqual({
    seconds: 4,
    costS: [0.5, 1],
    at: [0, 2, 4],
    kind: [CHANGE, READ, READ],
    key: [0, 0, 1],
  })
})

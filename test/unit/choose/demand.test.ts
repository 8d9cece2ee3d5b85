import { expect, test } from 'vitest'
import { Demand } from '../../../src/refresh/demand.ts'
import { LastReads } from '../../../src/refresh/last-reads.ts'

test('reads of a stale value are told at the 1st, the 4th, the 16th ...', () => {
  const demand = new Demand()
  const told = Array.from({ length: 300 }, () => demand.read('a', 'one', 0))
  expect(told.flatMap((reads, index) => (reads === null ? [] : [[index + 1, reads]]))).toEqual([
    [1, 1],
    [4, 3],
    [16, 12],
    [64, 48],
    [256, 192],
  ])
})

test('what nothing has come of is told again, later and later', () => {
  const demand = new Demand()
  const told: number[] = []
  for (let second = 0; second < 2_000; second++) if (demand.want('a', 'one', second * 1_000) !== null) told.push(second)
  expect(told).toEqual([0, 30, 90, 210, 450, 930, 1410, 1890])
})

test('another value, and one that was forgotten, begin from the start', () => {
  const demand = new Demand()
  expect([demand.read('a', 'one', 0), demand.read('a', 'one', 0), demand.read('a', 'two', 0)]).toEqual([1, null, 1])
  demand.forget('a')
  expect(demand.read('a', 'two', 0)).toBe(1)
})

test('a read is noted four times within the idle time, by all processes', () => {
  const lastReads = new LastReads()
  const isNews = (now: number, readAt?: number) => lastReads.isNews('a', readAt, { now, idleAfterMs: 4_000 })
  expect([isNews(0), isNews(999), isNews(1_000), isNews(2_000, 1_500), isNews(2_500, 1_500)]).toEqual([
    true,
    false,
    true,
    false,
    true,
  ])
})

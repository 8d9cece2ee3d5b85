import { describe, expect, test } from 'vitest'
import type { KckEvent } from '../../../src/events.ts'
import { MetricsCollector } from '../../../src/metrics/collector.ts'
import { METRICS } from '../../../src/metrics/names.ts'

const hit = (ageMs: number): KckEvent => ({ type: 'hit', key: 'a/1', tier: 'store', ageMs })
const prime = { type: 'prime', key: 'a/1', cause: 'miss', costMs: 7, version: 1, bytes: 9, changed: true } as const
const failure = { type: 'compute-failed', key: 'a/1', cause: 'miss', costMs: 7, attempts: 1, error: null } as const
const queue = { type: 'queue', key: 'a/1', lane: 'hot', cause: 'change' } as const

function linesOf(events: readonly KckEvent[]) {
  const metrics = new MetricsCollector('shop')
  for (const event of events) metrics.record(event)
  return metrics.flush(1_000).map((line) => JSON.parse(line))
}

describe('one invocation', () => {
  test('is one line that CloudWatch counts, under the name of the deployment', () => {
    expect(linesOf([hit(5), hit(7), { type: 'miss', key: 'a/2' }])).toEqual([
      {
        _aws: {
          Timestamp: 1_000,
          CloudWatchMetrics: [
            {
              Namespace: 'KCK',
              Dimensions: [['service']],
              Metrics: [
                { Name: 'Hits', Unit: 'Count' },
                { Name: 'Misses', Unit: 'Count' },
                { Name: 'AgeServed', Unit: 'Milliseconds' },
              ],
            },
          ],
        },
        service: 'shop',
        Hits: 2,
        Misses: 1,
        AgeServed: [5, 7],
      },
    ])
  })

  test('in which nothing happened is no line, and the next begins anew', () => {
    const metrics = new MetricsCollector('shop')
    metrics.record(hit(5))
    expect([metrics.flush(1).length, metrics.flush(2).length]).toEqual([1, 0])
  })

  test('with more values than a line takes is several lines, none of which counts anything twice', () => {
    const lines = linesOf(Array.from({ length: 250 }, (_, index) => hit(index)))
    expect(lines.map((line) => line.AgeServed.length)).toEqual([100, 100, 50])
    expect(lines.map((line) => line.Hits)).toEqual([250, undefined, undefined])
  })

  test('keeps no more than so many values, and counts all', () => {
    const lines = linesOf(Array.from({ length: 5_000 }, () => hit(1)))
    expect(lines.length).toBe(10)
    expect(lines[0].Hits).toBe(5_000)
  })
})

test.each<[KckEvent, object]>([
  [
    { type: 'stale', key: 'a/1', tier: 'near', ageMs: 3, cause: 'x' },
    { StaleHits: 1, AgeServed: 3 },
  ],
  [prime, { Computes: 1, ComputeTime: 7 }],
  [
    { type: 'augment', key: 'a/1', costMs: 2, outcome: 'applied' },
    { Computes: 1, ComputeTime: 2 },
  ],
  [{ type: 'augment', key: 'a/1', costMs: 2, outcome: 'declined' }, {}],
  [{ ...failure, retryAt: 5 }, { ComputeFailures: 1 }],
  [
    { ...failure, retryAt: null },
    { ComputeFailures: 1, Parked: 1 },
  ],
  [{ type: 'refreshed', key: 'a/1', cause: 'change', lagMs: 40 }, { RefreshLag: 40 }],
  [{ type: 'refreshed', key: 'a/1', cause: 'miss', lagMs: null }, {}],
  [{ ...queue, action: 'received', lagMs: 9 }, { QueueLag: 9 }],
  [{ ...queue, action: 'unreadable' }, { Unreadable: 1 }],
  [{ ...queue, action: 'sent' }, {}],
  [{ type: 'budget', source: 'main', outcome: 'waited', waitedMs: 4 }, { BudgetWait: 4 }],
  [
    { type: 'budget', source: 'main', outcome: 'refused', waitedMs: 4 },
    { BudgetWait: 4, BudgetRefusals: 1 },
  ],
  [{ type: 'throttled', part: 'store' }, { Throttles: 1 }],
  [{ type: 'fault', where: 'x', error: null }, { Faults: 1 }],
])('%o', (event, values) => {
  const [{ _aws, service, ...rest } = { _aws: null, service: null }] = linesOf([event])
  expect(rest).toEqual(values)
})

test('the depth of the queues is told apart by lane', () => {
  const metrics = new MetricsCollector('shop')
  metrics.depth({ hot: 1, normal: 0, idle: 30 })
  const lines = metrics.flush(1).map((line) => JSON.parse(line))
  expect(lines.map(({ lane, QueueDepth }) => [lane, QueueDepth])).toEqual([
    ['hot', 1],
    ['normal', 0],
    ['idle', 30],
  ])
  expect(lines[0]._aws.CloudWatchMetrics[0].Dimensions).toEqual([['service', 'lane']])
})

test('every metric has its unit and a meaning that ends as a sentence', () => {
  for (const [name, { unit, meaning }] of Object.entries(METRICS)) {
    expect([name, ['Count', 'Milliseconds'].includes(unit), meaning.endsWith('.')]).toEqual([name, true, true])
  }
})

import { describe, expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import type { KckEvent } from '../../../src/events.ts'
import { eventLine } from '../../../src/log/event-line.ts'
import { continuing } from '../../../src/trace/trace.ts'

const at = Date.UTC(2026, 10, 21)
const parse = (event: KckEvent) => JSON.parse(eventLine(event, at) ?? 'null')
const queue = { type: 'queue', key: 'a/1', lane: 'hot', cause: 'change' } as const

describe('a line', () => {
  test('tells of the request that it goes back to', () => {
    const acknowledged: KckEvent = { ...queue, action: 'acknowledged' }
    expect(continuing({ requestId: 'r-1' }, () => parse(acknowledged))).toEqual({
      time: '2026-11-21T00:00:00.000Z',
      requestId: 'r-1',
      level: 'info',
      type: 'refresh',
      key: 'a/1',
      lane: 'hot',
      cause: 'change',
      outcome: 'acknowledged',
    })
    expect(parse(acknowledged)).not.toHaveProperty('requestId')
  })

  test('has an error with its causes and without its secrets, on one line', () => {
    const cause = new Error('connect postgres://shop:hunter2@db:5432\nnext line')
    const error = new KckError('SOURCE_UNAVAILABLE', 'The source main cannot be reached', { cause })
    const line = eventLine({ type: 'fault', where: 'x', key: 'a/\u2028', error }, at) ?? ''
    expect(line).not.toMatch(/hunter2|[^\x20-\x7e]/)
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      error: { code: 'SOURCE_UNAVAILABLE', cause: { name: 'Error' } },
    })
  })

  test('tells of a cached write what became of it later', () => {
    const write = { type: 'write', id: 'w', updater: 'price/7' } as const
    expect(parse({ ...write, action: 'accepted' })).toBeNull()
    expect(parse({ ...write, action: 'applied' })).toMatchObject({ level: 'info', type: 'write', outcome: 'applied' })
    expect(parse({ ...write, action: 'parked', code: 'NOT_FOUND' })).toMatchObject({ level: 'warn', code: 'NOT_FOUND' })
  })

  test('tells how a replica gets on, but not of every update that it applies', () => {
    const replica = { type: 'replica', name: 'products', id: 7 } as const
    const error = new KckError('STORE_UNAVAILABLE', 'The file of the replica cannot be read or written')
    expect(parse({ ...replica, outcome: 'failed', error })).toMatchObject({
      ...{ level: 'error', type: 'replica', name: 'products', outcome: 'failed', id: 7 },
      error: { code: 'STORE_UNAVAILABLE' },
    })
    expect(parse({ ...replica, outcome: 'behind', lag: 5_000 })).toMatchObject({ level: 'info', lag: 5_000 })
    expect(parse({ ...replica, outcome: 'applied', costMs: 3 })).toBeNull()
  })

  test('is written for what failed or ended, not for what happens at every fetch', () => {
    const failed = { type: 'compute-failed', key: 'a/1', cause: 'miss', costMs: 5, attempts: 2, error: null } as const
    expect(parse({ ...failed, retryAt: at })).toMatchObject({ level: 'warn', retryAt: '2026-11-21T00:00:00.000Z' })
    expect(parse({ ...queue, action: 'parked' })).toMatchObject({ level: 'warn', outcome: 'parked' })
    expect(parse({ type: 'process', name: 'sweep', outcome: 'failed', error: null })).toMatchObject({ level: 'error' })
    const silent: readonly KckEvent[] = [
      { type: 'hit', key: 'a/1', tier: 'near', ageMs: 1 },
      { ...queue, action: 'sent' },
      { ...queue, action: 'received' },
      { type: 'process', name: 'sweep', outcome: 'skipped' },
    ]
    expect(silent.map(parse)).toEqual([null, null, null, null])
  })
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import { type KckEvent, subscribe } from '../../../src/events.ts'
import { budgeted } from '../../../src/source/budgeted.ts'
import { LEASE_MS, SKEW_MS, STATEMENT_TIMEOUT_MS, World } from './world.ts'

let events: Extract<KckEvent, { type: 'budget' }>[]
let unsubscribe: () => void
beforeEach(() => {
  events = []
  unsubscribe = subscribe((event) => {
    if (event.type === 'budget') events.push(event)
  })
})
afterEach(() => unsubscribe())

test('a source without a limit is the source itself', () => {
  const { source } = new World({}).process()
  const world = new World({})
  const ports = { registers: world.registers, clock: world.clock, entropy: world.entropy }
  expect(budgeted(source, { ...ports, budget: {}, statementTimeoutMs: 1_000 })).toBe(source)
  expect(budgeted(source, { ...ports, budget: { concurrency: null, perSecond: null }, statementTimeoutMs: 1 })).toBe(
    source,
  )
})

test('a lease that could end before its statement is refused', () => {
  expect(() => new World({ concurrency: 1 }).process({ leaseMs: STATEMENT_TIMEOUT_MS + 5_000 })).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIG' }),
  )
})

test('permits are taken when needed, used again without asking, and given back when idle', async () => {
  const world = new World({ concurrency: 4 })
  const { clock, calls } = world
  const one = world.process()
  await clock.run(Promise.all([one.query(), one.query()]))
  const asked = calls.set
  await clock.run(Promise.all([one.query(), one.query()]))
  expect(calls.set).toBe(asked)
  expect(await world.holders()).toMatchObject([{ has: [2, 0] }])
  await clock.advance(4_000)
  expect(await world.holders()).toEqual([])
  const { get } = calls
  await clock.advance(60_000)
  expect(calls.get).toBe(get)
})

test('closing gives everything back at once', async () => {
  const world = new World({ concurrency: 4, perSecond: 10 })
  const one = world.process()
  await world.clock.run(one.query())
  await world.clock.advance(1_000)
  await world.clock.run(one.source.close())
  expect(await world.holders()).toEqual([])
  await expect(one.query()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
})

test('closing gives back also what is just being taken', async () => {
  const world = new World({ concurrency: 4 })
  const { clock } = world
  const one = world.process()
  const refused = one.query().catch((error: unknown) => error)
  while ((await world.holders()).length === 0) await clock.advance(1)
  await clock.run(one.source.close())
  expect(await refused).toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  expect(await world.holders()).toEqual([])
})

test('a process about to be frozen gives back what it does not use, and its starts are free a second later', async () => {
  const world = new World({ concurrency: 1, perSecond: 1 })
  const { clock } = world
  const one = world.process()
  await clock.run(one.query({ ms: 10 }))
  await clock.run(one.source.giveBack?.() ?? Promise.reject(new Error('no budget')))
  one.kill()
  expect(await world.holders()).toMatchObject([{ has: [0, 1] }])
  const began = clock.now()
  await clock.run(world.process().query())
  expect(clock.now() - began).toBeLessThan(1_000 + SKEW_MS + 1_000)
})

test('waiting ends with the reason of the signal, or busy after the longest wait', async () => {
  const world = new World({ concurrency: 1 })
  const { clock, database } = world
  const one = world.process({ maxWaitMs: 500 })
  const running = one.query({ ms: 2_000 })
  await clock.advance(100)
  const caller = new AbortController()
  const aborted = one.query({ signal: caller.signal })
  const refused = one.query()
  const outcomes = Promise.allSettled([aborted, refused])
  await clock.advance(100)
  caller.abort(new Error('gone'))
  const [first, second] = await clock.run(outcomes)
  expect(first).toMatchObject({ reason: { message: 'gone' } })
  expect(second).toMatchObject({ reason: { code: 'SOURCE_BUSY', retryAfterMs: 1_000, details: { source: 'main' } } })
  await clock.run(running)
  expect(database.began).toBe(1)
  expect(events.map(({ outcome, waitedMs }) => [outcome, waitedMs]).slice(1)).toEqual([
    ['waited', 100],
    ['refused', 500],
  ])
  // Nobody is left waiting, and nothing is lost.
  await clock.run(one.query())
})

test('interactive goes before background, but not for ever', async () => {
  const world = new World({ concurrency: 1 })
  const { clock } = world
  const one = world.process()
  const order: string[] = []
  const ask = async (name: string, priority: 'interactive' | 'background') => {
    await one.query({ ms: 1_000, priority })
    order.push(name)
  }
  const asked = [ask('first', 'interactive'), ask('refresh', 'background')]
  for (let second = 0; second < 9; second++) {
    await clock.advance(999)
    asked.push(ask(`reader ${second}`, 'interactive'))
    asked.push(ask(`later ${second}`, 'interactive'))
  }
  await clock.run(Promise.all(asked))
  expect(order.slice(0, 4)).toEqual(['first', 'reader 0', 'later 0', 'reader 1'])
  // It counts as 5 s younger than it is.
  expect(order.indexOf('refresh')).toBe(order.indexOf('later 4') + 1)
})

test('a transaction takes one permit and one start for its whole time', async () => {
  const world = new World({ concurrency: 2, perSecond: 2 })
  const { clock, database } = world
  const one = world.process()
  const transaction = one.transaction(20, 100)
  await clock.advance(500)
  expect(await world.holders()).toMatchObject([{ has: [1, 1] }])
  await clock.run(transaction)
  expect(database.began).toBe(20)
})

test('an error of the statement gives its permit back', async () => {
  const world = new World({ concurrency: 1 })
  const one = world.process()
  await expect(world.clock.run(one.query({ ms: 60_000 }))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await world.clock.run(one.query())
  expect(world.database.began).toBe(2)
})

test('an aborted statement keeps its permit until the database has ended it', async () => {
  const world = new World({ concurrency: 1 })
  const { clock, database } = world
  const one = world.process()
  const caller = new AbortController()
  const aborted = one.query({ ms: 2_000, signal: caller.signal }).catch((error: unknown) => error)
  await clock.advance(500)
  caller.abort(new Error('gone'))
  expect(await aborted).toMatchObject({ message: 'gone' })
  await clock.run(one.query())
  expect(database.most).toBe(1)
  // Waited for the database to stop it (20 ms), not for its end.
  expect(events.at(-1)).toMatchObject({ outcome: 'waited', waitedMs: 20 })
})

test('without registers, held permits are used while their lease lasts; without any, callers hear busy at once', async () => {
  const world = new World({ concurrency: 2 })
  const { clock, database } = world
  const [one, other] = [world.process(), world.process()]
  await clock.run(Promise.all([one.query(), one.query()]))
  one.isDown = true
  other.isDown = true
  await clock.run(one.query())
  const began = clock.now()
  await expect(clock.run(other.query())).rejects.toMatchObject({
    code: 'SOURCE_BUSY',
    retryAfterMs: 1_000,
    cause: { code: 'STORE_UNAVAILABLE' },
  })
  expect(clock.now() - began).toBeLessThan(100)
  // Its lease is over, and it cannot be renewed.
  await clock.advance(LEASE_MS)
  await expect(clock.run(one.query())).rejects.toMatchObject({ code: 'SOURCE_BUSY' })
  one.isDown = false
  await clock.run(one.query())
  expect(database.began).toBe(4)
})

test('a transaction stops when its lease cannot be renewed', async () => {
  const world = new World({ concurrency: 1 })
  const { clock } = world
  const one = world.process()
  const outcome = one.transaction(1_000, 100).catch((error: unknown) => error)
  await clock.advance(500)
  one.isDown = true
  const began = clock.now()
  expect(await clock.run(outcome)).toMatchObject({ code: 'SOURCE_BUSY' })
  expect(clock.now() - began).toBeLessThan(LEASE_MS - STATEMENT_TIMEOUT_MS)
})

test('a write that nobody knows of and that happens late makes nobody run too much', async () => {
  const world = new World({ concurrency: 3 })
  const { clock, database } = world
  const [one, other] = [world.process(), world.process()]
  one.load(1, () => ({ ms: 200 }))
  const stop = one.load(2, () => ({ ms: 200 }))
  await clock.advance(500)
  expect(await world.holders()).toMatchObject([{ has: [3, 0] }])
  stop()
  // It gives back two, hears nothing, and then needs all three again: the register looks as if nothing had happened.
  const giveBack = await clock.run(one.holdNextWrite())
  one.load(2, () => ({ ms: 2_000 }))
  await clock.advance(100)
  await giveBack()
  other.load(3, () => ({ ms: 2_000 }))
  await clock.advance(5_000)
  expect(database.most).toBe(3)
})

test('a statement that may take longer than others is leased for longer', async () => {
  const world = new World({ concurrency: 2 })
  const { clock, database } = world
  const one = world.process()
  void one.query({ ms: 50_000, timeoutMs: 60_000 })
  one.load(2, () => ({ ms: 100 }))
  await clock.advance(10_000)
  one.kill()
  world.process({ maxWaitMs: 100_000 }).load(4, () => ({ ms: 100 }))
  await clock.advance(60_000)
  expect(database.most).toBe(2)
  await clock.advance(30_000)
  expect(database.running).toBe(2)
})

test('ping is answered however busy the source is', async () => {
  const world = new World({ concurrency: 1 })
  const one = world.process()
  const running = one.query({ ms: 2_000 })
  await world.clock.advance(100)
  await one.source.ping()
  expect(world.database.running).toBe(1)
  await world.clock.run(running)
})

import { expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import type { Kck } from '../../../src/kck/kck.ts'
import type { Explanation, Reason } from '../../../src/operate/explanation.ts'
import { primer } from '../../../src/primer/primer.ts'
import { createTestSystem } from '../../../src/testing/test-system.ts'
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

// Each test brings about one of the states that a fault leaves behind, and then knows only what the explanation says.

type Code = Reason['code']

const codesOf = ({ reasons }: Explanation) => reasons.map(({ code }) => code)

async function explain({ kck, clock }: { kck: Kck; clock: VirtualClock }, key = 'order/7'): Promise<Explanation> {
  return clock.run(kck.operate.explain(key))
}

function expectReason(explained: Explanation, code: Code, text: RegExp): void {
  const found = explained.reasons.find((reason) => reason.code === code)
  expect(codesOf(explained)).toContain(code)
  expect(found?.text).toMatch(text)
}

/** One product whose compute can be told to fail. */
function orderSystem(given: Partial<Parameters<typeof testPrimer>[0]> = {}) {
  const state: { error: KckError | null } = { error: null }
  const compute = () => {
    if (state.error) throw state.error
    return 1
  }
  const system = testKck([testPrimer({ name: 'order', compute, ...given })])
  const { kck, clock } = system
  return {
    ...system,
    state,
    fetch: () => clock.run(kck.fetch('order/7')).catch(() => undefined),
    change: () => clock.run(kck.invalidate('order/7', { cause: 'update order/7' })),
  }
}

test('a refresh that nobody has taken up yet: it waits', async () => {
  const system = orderSystem()
  await system.fetch()
  await system.change()
  await system.fetch()
  const explained = await explain(system)
  expect(codesOf(explained)).toEqual(['changed', 'waiting'])
  expectReason(explained, 'waiting', /waits for a worker/)
})

test('a lost refresh: asked for long ago, and never taken up', async () => {
  const system = orderSystem()
  await system.fetch()
  await system.change()
  await system.fetch()
  await system.clock.advance(10 * 60_000)
  const explained = await explain(system)
  expect(codesOf(explained)).toEqual(['changed', 'request-lost'])
  expectReason(explained, 'changed', /10 min ago: update order\/7/)
  expectReason(explained, 'request-lost', /nobody took it up.*kck queue/)
})

test('nobody reads it, so nothing was asked for', async () => {
  const system = orderSystem({ softTtlMs: 1_000 })
  await system.fetch()
  await system.clock.advance(5_000)
  expect(codesOf(await explain(system))).toEqual(['soft-expired', 'nobody-asked'])
})

test('an expired claim: a process was killed while it computed', async () => {
  const order = primer({ name: 'order', parameters: {}, compute: () => new Promise(() => undefined) })
  const { clock, start } = createTestSystem({ primers: [order] })
  const [dies, lives] = [start(), start()]
  void dies.kck.fetch('order').catch(() => undefined)
  await clock.advance(1_000)
  expect(codesOf(await explain({ kck: lives.kck, clock }, 'order'))).toEqual(['never-computed', 'computing'])
  dies.kill()
  await clock.advance(10 * 60_000)
  const explained = await explain({ kck: lives.kck, clock }, 'order')
  expect(codesOf(explained)).toEqual(['never-computed', 'lease-expired'])
  expectReason(explained, 'lease-expired', /took the lease 10 min ago and never finished/)
})

test('poison: it failed too often and is parked', async () => {
  const system = orderSystem()
  await system.fetch()
  system.state.error = new KckError('COMPUTE_FAILED', 'column "totl" does not exist')
  await system.change()
  const failing = async () => {
    await system.clock.run(system.kck.refresh('order/7')).catch(() => undefined)
    return explain(system)
  }
  let explained = await failing()
  for (let turn = 0; turn < 20 && explained.refresh.failure?.retryAt !== null; turn++) explained = await failing()
  expect(explained.state).toBe('failed')
  expect(codesOf(explained)).toEqual(['changed', 'parked'])
  expectReason(explained, 'parked', /failed 10 times in a row.*column "totl" does not exist.*refresh it by hand/)
})

test('backing off: when it is tried again, and what it said', async () => {
  const system = orderSystem()
  system.state.error = new KckError('COMPUTE_FAILED', 'division by zero')
  await system.fetch()
  const explained = await explain(system)
  expect(codesOf(explained)).toEqual(['never-computed', 'backing-off'])
  expectReason(explained, 'backing-off', /failed 1 time in a row.*division by zero.*tried again in/)
  expect(explained.refresh.dueAt ?? explained.refresh.failure?.retryAt).toBeGreaterThan(system.clock.now())
})

test('the source is down: its error, and that the last value is kept', async () => {
  const system = orderSystem()
  await system.fetch()
  system.state.error = new KckError('SOURCE_UNAVAILABLE', 'The source shop does not answer')
  await system.change()
  await system.clock.run(system.kck.refresh('order/7')).catch(() => undefined)
  const explained = await explain(system)
  expect(explained).toMatchObject({ state: 'failed', value: { version: expect.any(Number) } })
  expect(codesOf(explained)).toEqual(['changed', 'backing-off'])
  expectReason(explained, 'backing-off', /SOURCE_UNAVAILABLE: The source shop does not answer/)
  expect(explained.history[0]).toMatchObject({ what: 'failed', error: expect.stringContaining('shop') })
})

test('a failing input: which product, not only that this one is stale', async () => {
  let isDown = false
  const item = testPrimer({
    name: 'item',
    compute: () => {
      if (isDown) throw new KckError('SOURCE_UNAVAILABLE', 'The source shop does not answer')
      return 1
    },
  })
  const order = testPrimer({ name: 'order', compute: ({ get }) => get('item/1') })
  const system = testKck([item, order])
  await system.clock.run(system.kck.fetch('order/7'))
  isDown = true
  await system.clock.run(system.kck.invalidate('item/1', { cause: 'update item/1' }))
  await system.clock.run(system.kck.refresh('order/7')).catch(() => undefined)
  const explained = await explain(system)
  expectReason(explained, 'input-failed', /item\/1.*failed/)
  expect(explained.inputs).toMatchObject([{ node: 'product/item/1', state: 'failed' }])
})

/** `order` reads `left` and `right`, which both read `item`. */
function diamond() {
  let price = 1
  const item = testPrimer({ name: 'item', compute: () => price })
  const side = (name: string) => testPrimer({ name, compute: async ({ get }) => [name, await get('item/1')] })
  const order = testPrimer({
    name: 'order',
    compute: async ({ get }) => [await get('left/1'), await get('right/1')],
  })
  const system = testKck([item, side('left'), side('right'), order])
  return {
    ...system,
    setPrice: (to: number) => {
      price = to
    },
  }
}

test('a diamond in progress: one side is new, the other is not yet', async () => {
  const system = diamond()
  const { kck, clock } = system
  await clock.run(kck.fetch('order/7'))
  system.setPrice(2)
  await clock.run(kck.invalidate('item/1', { cause: 'update item/1' }))
  await clock.run(kck.refresh('left/1'))
  const explained = await explain(system)
  expect(explained.state).toBe('stale')
  expectReason(explained, 'changed', /update item\/1/)
  expectReason(explained, 'input-newer', /left\/1, which is at version/)
  expectReason(explained, 'input-stale', /right\/1, which is stale/)
})

test('a newer input alone: the version that was read, and the version now', async () => {
  const system = diamond()
  const { kck, clock } = system
  await clock.run(kck.fetch('order/7'))
  system.setPrice(2)
  await clock.run(kck.invalidate('item/1', { cause: 'update item/1' }))
  await clock.run(kck.refresh('left/1'))
  await clock.run(kck.refresh('right/1'))
  const explained = await explain(system)
  const newer = explained.reasons.filter(({ code }) => code === 'input-newer').map(({ text }) => text)
  const [left, right] = explained.inputs
  expect(newer).toEqual([
    expect.stringContaining(`version ${left?.version} of left/1, which is at version ${left?.versionNow}`),
    expect.stringContaining(`version ${right?.version} of right/1, which is at version ${right?.versionNow}`),
  ])
  expect(codesOf(explained)).not.toContain('input-stale')
})

test('soft expiry is served and says since when; hard expiry is not served', async () => {
  const system = orderSystem({ softTtlMs: 60_000, hardTtlMs: 3_600_000 })
  await system.fetch()
  await system.clock.advance(180_000)
  const soft = await explain(system)
  expect(soft.state).toBe('stale')
  expectReason(soft, 'soft-expired', /soft TTL passed 2 min ago/)
  await system.clock.advance(3_600_000)
  const hard = await explain(system)
  expect(hard).toMatchObject({ state: 'missing', value: null })
  expectReason(hard, 'hard-expired', /hard TTL passed 3 min ago.*never served again/)
})

test('version skew: it was computed by another definition of its primer', async () => {
  const system = orderSystem()
  await system.fetch()
  const { store, clock } = system
  const deployed = testKck([testPrimer({ name: 'order', compute: () => 2, revision: 'r2' })], { store, clock })
  const explained = await explain(deployed)
  expect(codesOf(explained)[0]).toBe('definition-changed')
  expect(explained).toMatchObject({ value: { primerRevision: 'r1' }, primer: { revision: 'r2' } })
})

test('a clock that is ahead: which way, and by how much', async () => {
  const order = primer({ name: 'order', parameters: {}, softTtl: '1d', compute: () => 1 })
  const { clock, start } = createTestSystem({ primers: [order] })
  const ahead = start({ skewMs: 600_000 })
  const right = start()
  await clock.run(ahead.kck.fetch('order'))
  const explained = await explain({ kck: right.kck, clock }, 'order')
  expect(codesOf(explained)[0]).toBe('clock-ahead')
  expectReason(explained, 'clock-ahead', /10 min ahead.*check the clocks/)
})

test('an idle product: since when nobody has read it', async () => {
  const system = orderSystem({ softTtlMs: 1_000, idleAfterMs: 3_600_000 })
  await system.fetch()
  await system.clock.advance(2_000)
  // A read of what is stale is noted down.
  await system.fetch()
  await system.clock.run(system.kck.refresh('order/7'))
  await system.clock.advance(4 * 3_600_000)
  const explained = await explain(system)
  expect(codesOf(explained)).toEqual(['soft-expired', 'idle'])
  expectReason(explained, 'idle', /Nobody has read it for 4 h/)
})

test('changed while it was being computed: the value is newer, and computed once more', async () => {
  let proceed: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    proceed = resolve
  })
  let isSlow = false
  const system = orderSystem({ compute: () => (isSlow ? asked.then(() => 2) : 1) })
  await system.fetch()
  isSlow = true
  const refreshed = system.kck.refresh('order/7').catch(() => undefined)
  await system.clock.advance(1_000)
  await system.change()
  await system.clock.advance(1_000)
  isSlow = false
  proceed()
  await system.clock.run(refreshed)
  const explained = await explain(system)
  expect(explained.state).toBe('stale')
  expectReason(explained, 'changed', /update order\/7/)
  expectReason(explained, 'changed-while-computing', /came while it was being computed/)
})

test('purged: by whom', async () => {
  const system = orderSystem()
  await system.fetch()
  await system.clock.run(system.kck.purge('order/7', { cause: 'a customer asked for it' }))
  await system.clock.advance(60_000)
  const explained = await explain(system)
  expect(codesOf(explained)).toEqual(['purged'])
  expectReason(explained, 'purged', /60 s ago: a customer asked for it/)
})

import { describe, expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import { recordEvents } from '../../support/kck.ts'
import { NEVER, violation, world } from './world.ts'

describe('a cached write', () => {
  test('is accepted without the source, applied later, and both can be seen', async () => {
    const { kck, source, drain } = world()
    source.isDown = true
    const { id, after } = await kck.writes.accept('set/7', { value: 'a' })
    expect(await kck.writes.status(id)).toMatchObject({ state: 'accepted', updater: 'set/7', body: { value: 'a' } })
    expect(after).toMatch(/^1w\./)
    source.isDown = false
    expect(await drain()).toBe(1)
    expect(source.rows.get('7')).toEqual(['a'])
    expect(await kck.writes.status(id)).toMatchObject({ state: 'applied' })
  })

  test('is checked before it is accepted', async () => {
    const { kck } = world()
    await expect(kck.writes.accept('set/7', { value: 1 })).rejects.toMatchObject({ code: 'INVALID_BODY' })
    await expect(kck.writes.accept('set/7', { value: 'a\ud800' })).rejects.toMatchObject({ code: 'INVALID_BODY' })
    await expect(kck.writes.accept('other/7', {})).rejects.toMatchObject({ code: 'UNKNOWN_UPDATER' })
    await expect(kck.writes.accept('set/7', { value: 'x'.repeat(70_000) })).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect(await kck.writes.waiting()).toMatchObject({ writes: 0 })
  })

  test('of a key is applied in the order of acceptance, many in one transaction', async () => {
    const { kck, source, drain } = world()
    const values = Array.from({ length: 150 }, (_, index) => `v${index}`)
    for (const value of values) await kck.writes.accept('set/7', { value })
    await Promise.all(values.map((value) => kck.writes.accept('set/8', { value })))
    await drain()
    expect(source.rows.get('7')).toEqual(values)
    expect(source.rows.get('8')).toEqual(values)
    expect(source.transactions).toBeLessThan(12)
  })

  test('marks what it changed like any other update', async () => {
    const { kck, drain, clock } = world()
    await clock.run(kck.fetch('row/7'))
    await kck.writes.accept('set/7', { value: 'a' })
    expect((await clock.run(kck.fetch('row/7'))).state).toBe('fresh')
    await drain()
    expect((await clock.run(kck.fetch('row/7', { onlyIfCached: true }))).state).toBe('stale')
    expect(await clock.run(kck.get('row/7', { noCache: true }))).toEqual({ values: ['a'] })
  })

  test('counts once for one idempotency key', async () => {
    const { kck, source, drain } = world()
    for (const value of ['a', 'a', 'a']) await kck.writes.accept('set/7', { value }, { idempotencyKey: 'k' })
    await drain()
    await kck.writes.accept('set/7', { value: 'a' }, { idempotencyKey: 'k' })
    await kck.writes.accept('set/7', { value: 'a' }, { idempotencyKey: 'another' })
    await drain()
    expect(source.rows.get('7')).toEqual(['a', 'a'])
  })

  test('a fetch with its token waits until it is applied', async () => {
    const { kck, clock } = world()
    await clock.run(kck.fetch('row/7'))
    const { after } = await kck.writes.accept('set/7', { value: 'a' })
    const stop = new AbortController()
    const working = kck.writes.worker.run(stop.signal)
    expect(await clock.run(kck.get('row/7', { after }))).toEqual({ values: ['a'] })
    stop.abort()
    await working
  })

  test('a fetch with its token ends by its deadline, never with older data, while the source is down', async () => {
    const { kck, clock, source } = world()
    await clock.run(kck.fetch('row/7'))
    const { after } = await kck.writes.accept('set/7', { value: 'a' })
    source.isDown = true
    const deadline = clock.now() + 3_000
    await expect(clock.run(kck.get('row/7', { after, deadline }))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  test('says what happens', async () => {
    const { kck, drain } = world()
    const events = await recordEvents(async () => {
      await kck.writes.accept('set/7', { value: 'a' })
      await drain()
    })
    expect(events.flatMap((event) => (event.type === 'write' ? [event.action] : []))).toEqual(['accepted', 'applied'])
  })
})

describe('coalescing', () => {
  test('"last" applies only the last of the waiting writes of a key', async () => {
    const { kck, source, drain } = world({ updater: { coalesce: 'last' } })
    const ids: string[] = []
    for (const value of ['a', 'b', 'c']) ids.push((await kck.writes.accept('set/7', { value })).id)
    await kck.writes.accept('set/8', { value: 'other' })
    await drain()
    expect(source.rows.get('7')).toEqual(['c'])
    expect(source.rows.get('8')).toEqual(['other'])
    for (const id of ids) expect(await kck.writes.status(id)).toMatchObject({ state: 'applied' })
  })

  test('a function makes one of two, or keeps both', async () => {
    const coalesce = (earlier: { value: string }, later: { value: string }) =>
      later.value === 'apart' ? undefined : { value: `${earlier.value}+${later.value}` }
    const { kck, source, drain } = world({ updater: { coalesce: coalesce as never } })
    for (const value of ['a', 'b', 'apart', 'c']) await kck.writes.accept('set/7', { value })
    await drain()
    expect(source.rows.get('7')).toEqual(['a+b', 'apart+c'])
  })

  test('never swallows an earlier write when the last is refused', async () => {
    const { kck, source, drain } = world({ updater: { coalesce: 'last' } })
    source.failing.set('bad', violation)
    for (const value of ['a', 'b', 'bad']) await kck.writes.accept('set/7', { value })
    await drain()
    expect(source.rows.get('7')).toEqual(['a', 'b'])
  })

  test('never merges what was applied before', async () => {
    const coalesce = (earlier: { value: string }, later: { value: string }) => ({
      value: `${earlier.value}+${later.value}`,
    })
    const { kck, source, store, drain } = world({ updater: { coalesce: coalesce as never } })
    await kck.writes.accept('set/7', { value: 'a' })
    const { compareAndSet } = store.registers
    // It is applied, and its process dies before the log moves on.
    Object.assign(store.registers, {
      compareAndSet: async (...call: Parameters<typeof compareAndSet>) => {
        if (call[2].text.includes('"done":1')) throw new KckError('STORE_UNAVAILABLE', 'down')
        return compareAndSet(...call)
      },
    })
    await drain()
    expect(source.rows.get('7')).toEqual(['a'])
    Object.assign(store.registers, { compareAndSet })
    await kck.writes.accept('set/7', { value: 'b' })
    await drain()
    expect(source.rows.get('7')).toEqual(['a', 'b'])
  })
})

describe('a refused write', () => {
  test('is parked with its reason and holds nothing up, not even its own key', async () => {
    const { kck, source, drain } = world()
    source.failing.set('bad', violation)
    const ids: Record<string, string> = {}
    for (const [key, value] of [
      ['7', 'a'],
      ['7', 'bad'],
      ['7', 'b'],
      ['8', 'c'],
      ['missing', 'd'],
    ] as const) {
      ids[`${key}${value}`] = (await kck.writes.accept(`set/${key}`, { value })).id
    }
    await drain()
    expect(source.rows.get('7')).toEqual(['a', 'b'])
    expect(source.rows.get('8')).toEqual(['c'])
    const parked = await kck.writes.parked()
    expect(parked.map(({ updater, error }) => [updater, error?.code]).toSorted()).toEqual([
      ['set/7', 'COMPUTE_FAILED'],
      ['set/missing', 'NOT_FOUND'],
    ])
    expect(await kck.writes.status(ids['7bad'] as string)).toMatchObject({ state: 'parked', body: { value: 'bad' } })
    expect(await kck.writes.status(ids['7b'] as string)).toMatchObject({ state: 'applied' })
    expect(await kck.writes.waiting()).toMatchObject({ writes: 0, parkedRecords: 2, trouble: null })
  })

  test('can be retried, once', async () => {
    const { kck, source, drain } = world()
    source.failing.set('bad', violation)
    const { id } = await kck.writes.accept('set/7', { value: 'bad' })
    await drain()
    source.failing.clear()
    const again = await kck.writes.retry(id)
    expect(await kck.writes.status(id)).toMatchObject({ state: 'accepted', as: again })
    await expect(kck.writes.retry(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await drain()
    expect(source.rows.get('7')).toEqual(['bad'])
    expect(await kck.writes.status(id)).toMatchObject({ state: 'applied', as: again })
    expect(await kck.writes.parked()).toEqual([])
  })

  test('can be discarded', async () => {
    const { kck, source, drain } = world()
    source.failing.set('bad', violation)
    const { id } = await kck.writes.accept('set/7', { value: 'bad' })
    await drain()
    source.failing.clear()
    await kck.writes.discard(id)
    await drain()
    expect(source.rows.get('7')).toBeUndefined()
    expect(await kck.writes.status(id)).toMatchObject({ state: 'discarded' })
    expect(await kck.writes.waiting()).toMatchObject({ parkedRecords: 0 })
    await expect(kck.writes.discard(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('that fails every time while the source answers is parked in the end; other keys go on meanwhile', async () => {
    const { kck, source, clock } = world()
    source.failing.set('slow', new KckError('DEADLINE_EXCEEDED', 'took too long'))
    const { id } = await kck.writes.accept('set/7', { value: 'slow' })
    await kck.writes.accept('set/7', { value: 'after' })
    for (let key = 0; key < 40; key++) await kck.writes.accept(`set/other-${key}`, { value: 'x' })
    await clock.run(kck.writes.worker.drain(NEVER))
    expect(source.rows.size).toBe(40)
    const stop = new AbortController()
    const working = kck.writes.worker.run(stop.signal)
    await clock.advance(120_000)
    expect(await kck.writes.status(id)).toMatchObject({ state: 'parked', error: { code: 'DEADLINE_EXCEEDED' } })
    expect(source.rows.get('7')).toEqual(['after'])
    stop.abort()
    await working
  })

  test('whose updater is gone is parked too', async () => {
    const { kck, drain, ...parts } = world()
    const { id } = await kck.writes.accept('set/7', { value: 'a' })
    const without = world({ ...parts, registry: { ...parts.registry, parseUpdaterKey: () => gone() } })
    await without.drain()
    expect(await kck.writes.status(id)).toMatchObject({ state: 'parked', error: { code: 'UNKNOWN_UPDATER' } })
  })
})

function gone(): never {
  throw new KckError('UNKNOWN_UPDATER', 'There is no such updater')
}

describe('an hour without the source', () => {
  test('writes are accepted up to the bound, then refused; none of them is lost', async () => {
    const limits = { maxWaiting: 50, maxWaitingBytes: 1_000_000, maxWriteBytes: 1_000 }
    const { kck, source, clock } = world({ options: { writes: limits } })
    const stop = new AbortController()
    const working = kck.writes.worker.run(stop.signal)
    source.isDown = true
    const accepted: string[] = []
    let refused: unknown
    for (let minute = 0; minute < 60; minute++) {
      const value = `v${minute}`
      await kck.writes.accept('set/7', { value }).then(
        () => accepted.push(value),
        (error: unknown) => {
          refused = error
        },
      )
      await clock.advance(60_000)
    }
    expect(accepted).toHaveLength(50)
    expect(refused).toMatchObject({ code: 'SOURCE_BUSY', retryAfterMs: 10_000, details: { waiting: 50 } })
    expect((await kck.writes.waiting()).trouble).toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
    source.isDown = false
    await clock.advance(60_000)
    expect(source.rows.get('7')).toEqual(accepted)
    expect(await kck.writes.waiting()).toMatchObject({ writes: 0, trouble: null })
    await kck.writes.accept('set/7', { value: 'again' })
    stop.abort()
    await working
  })

  test('bytes have a bound too', async () => {
    const limits = { maxWaiting: 1_000, maxWaitingBytes: 5_000, maxWriteBytes: 2_000 }
    const { kck } = world({ options: { writes: limits } })
    const all = Array.from({ length: 20 }, () => kck.writes.accept('set/7', { value: 'x'.repeat(900) }))
    const results = await Promise.allSettled(all)
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4)
  })
})

test('a store that does not answer accepts nothing', async () => {
  const { kck, store, source, drain } = world()
  const { append } = store.writeQueue
  const down = async () => {
    throw new KckError('STORE_UNAVAILABLE', 'down')
  }
  Object.assign(store.writeQueue, { append: down })
  await expect(kck.writes.accept('set/7', { value: 'a' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  Object.assign(store.writeQueue, { append })
  await kck.writes.accept('set/7', { value: 'b' })
  await drain()
  expect(source.rows.get('7')).toEqual(['b'])
})

test.each([1, 99, 100, 101, 163, 164, 500, 731])('the end of a log of %i records is found', async (length) => {
  const { kck, ...parts } = world()
  for (let count = 0; count < length; count++) await kck.writes.accept('set/7', { value: 'x' })
  const another = world(parts)
  expect(await another.kck.writes.waiting()).toMatchObject({ writes: length })
  await another.kck.writes.accept('set/7', { value: 'x' })
  expect(await kck.writes.waiting()).toMatchObject({ writes: length + 1 })
})

test('a process whose clock is hours ahead, or behind, keeps nobody else from the log', async () => {
  const { kck, clock, source, ...parts } = world()
  for (const hours of [3, -3]) {
    const skewed = { now: () => clock.now() + hours * 3_600_000, sleep: clock.sleep.bind(clock) }
    const other = world({ ...parts, clock: skewed as typeof clock })
    source.isDown = true
    await other.kck.writes.accept('set/7', { value: `from ${hours}` })
    await clock.run(other.kck.writes.worker.drain(NEVER))
    expect((await kck.writes.waiting()).trouble).not.toBeNull()
    source.isDown = false
    await clock.advance(1_000)
    await clock.run(kck.writes.worker.drain(NEVER))
  }
  expect(source.rows.get('7')).toEqual(['from 3', 'from -3'])
  expect(await kck.writes.waiting()).toMatchObject({ writes: 0, trouble: null })
})

test('a process that slept for two days does not write where everything is done and gone', async () => {
  const { kck, clock, drain, source, ...parts } = world()
  await kck.writes.accept('set/7', { value: 'a' })
  const awake = world({ ...parts, clock })
  for (const value of ['b', 'c']) await awake.kck.writes.accept('set/7', { value })
  await drain()
  await clock.advance(2 * 86_400_000)
  await kck.writes.accept('set/7', { value: 'd' })
  await drain()
  expect(source.rows.get('7')).toEqual(['a', 'b', 'c', 'd'])
})

import { describe, expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import type { ComputeContext } from '../../../src/primer/definition.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

/** A product whose source is a variable, and which counts its computes. */
function counting(options: Parameters<typeof testPrimer>[0] | object = {}) {
  const source = { value: 'one' as unknown, computes: 0, fail: null as Error | null }
  const primer = testPrimer({
    name: 'product',
    compute: () => {
      source.computes += 1
      if (source.fail) throw source.fail
      return source.value
    },
    ...options,
  })
  return { source, primer }
}

const text = async (fetched: { body: { bytes(encoding: 'identity'): Uint8Array | Promise<Uint8Array> } }) =>
  Buffer.from(await fetched.body.bytes('identity')).toString()

describe('a fetch', () => {
  test('computes what is missing once and serves it from then on', async () => {
    const { source, primer } = counting()
    const { kck, clock } = testKck([primer])
    const first = await clock.run(kck.fetch('product/1'))
    const second = await clock.run(kck.fetch('product/1'))
    expect([first.from, second.from, source.computes]).toEqual(['compute', 'store', 1])
    expect(JSON.parse(await text(second))).toEqual({
      key: 'product/1',
      value: 'one',
      version: first.version,
      modified: new Date(first.modified).toISOString(),
    })
  })

  test.each([0, '', false, null, [], {}])('keeps %j like any other value', async (value) => {
    const { source, primer } = counting()
    source.value = value
    const { kck, clock } = testKck([primer])
    expect(await clock.run(kck.get('product/1'))).toEqual(value)
    expect(await clock.run(kck.get('product/1'))).toEqual(value)
    expect(source.computes).toBe(1)
  })

  test('gives Date, bigint, bytes and toJSON one JSON form in every tier', async () => {
    const { source, primer } = counting()
    source.value = {
      at: new Date(0),
      big: 12345678901234567890n,
      bytes: Buffer.from('hi'),
      price: { toJSON: () => '1.50' },
      gone: undefined,
    }
    const { kck, clock } = testKck([primer])
    const expected = { at: '1970-01-01T00:00:00.000Z', big: '12345678901234567890', bytes: 'aGk=', price: '1.50' }
    expect(await clock.run(kck.get('product/1'))).toEqual(expected)
    expect(await clock.run(kck.get('product/1'))).toEqual(expected)
  })

  test.each([
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a Map', new Map()],
    ['an ill-formed string', '\ud800'],
  ])('refuses %s, naming the place, and leaves other keys alone', async (_, bad) => {
    const primer = testPrimer({ name: 'product', compute: (_context, { id }) => (id === 'bad' ? { deep: [bad] } : id) })
    const { kck, clock } = testKck([primer])
    await expect(clock.run(kck.get('product/bad'))).rejects.toMatchObject({
      code: 'UNSTORABLE',
      details: { path: '$.deep[0]' },
    })
    expect(await clock.run(kck.get('product/good'))).toBe('good')
  })

  test('serves a value of 40 MB in chunks that fit a row', async () => {
    const value = 'x'
      .repeat(1024)
      .split('')
      .map((_, i) => `${i}:${Math.imul(i, 2654435761)}`.repeat(3500))
    const { source, primer } = counting()
    source.value = value
    const { kck, clock, store } = testKck([primer], { options: { nearCacheBytes: 0, compression: 'none' } })
    const fetched = await clock.run(kck.fetch('product/1'))
    const row = (await store.entries.get('product/1')).row
    expect(fetched.body.length).toBeGreaterThan(40e6)
    expect(row?.value?.body.inline).toBeNull()
    expect(row?.value?.body.chunks).toBe(Math.ceil(fetched.body.length / (512 * 1024)))
    expect(await clock.run(kck.get('product/1'))).toEqual(source.value)
    expect(source.computes).toBe(1)
  })

  test('refuses a damaged body and computes again', async () => {
    const { source, primer } = counting()
    const { kck, clock, store } = testKck([primer])
    await clock.run(kck.fetch('product/1'))
    const { row } = await store.entries.get('product/1')
    if (!row?.value?.body.inline) throw new Error('expected an inline body')
    const bytes = Buffer.from(row.value.body.inline)
    bytes[3] = (bytes[3] ?? 0) ^ 1
    const damaged = {
      ...row,
      rev: row.rev + 1,
      value: { ...row.value, body: { ...row.value.body, inline: bytes, id: 'other' } },
    }
    expect(await store.entries.compareAndSet(row, damaged)).toBe(true)
    const events = await recordEvents(async () => expect(await clock.run(kck.get('product/1'))).toBe('one'))
    expect(events.filter((event) => event.type === 'fault')).toHaveLength(1)
    expect(source.computes).toBe(2)
  })
})

describe('one compute per key', () => {
  test('for a hundred callers in one process', async () => {
    const { source, primer } = counting()
    const { kck, clock } = testKck([primer])
    const answers = await clock.run(Promise.all(Array.from({ length: 100 }, () => kck.fetch('product/1'))))
    expect(source.computes).toBe(1)
    expect(answers.filter((fetched) => fetched.collapsed)).toHaveLength(99)
  })

  test('for callers in two processes, the second waiting for the first', async () => {
    const clock = new VirtualClock()
    let computes = 0
    const primer = testPrimer({
      name: 'product',
      compute: async ({ signal }) => {
        computes += 1
        await clock.sleep(30_000, signal)
        return computes
      },
    })
    const one = testKck([primer], { clock, seed: 1 })
    const two = testKck([primer], { clock, store: one.store, queue: one.queue, seed: 2 })
    const later = { deadline: clock.now() + 60_000 }
    const answers = await clock.run(Promise.all([one, two, one, two].map(({ kck }) => kck.fetch('product/1', later))))
    expect(computes).toBe(1)
    expect(new Set(answers.map((fetched) => fetched.version)).size).toBe(1)
  })

  test('and a key whose computing process died is free when its lease ends', async () => {
    const { source, primer } = counting()
    const { kck, clock, store } = testKck([primer])
    const dead = testKck([testPrimer({ name: 'product', compute: () => new Promise(() => undefined) })], {
      clock,
      // A process that is killed right after it took the lease never renews it.
      store: {
        ...store,
        entries: { ...store.entries, compareAndSet: onlyOnce(store.entries.compareAndSet.bind(store.entries)) },
      },
      seed: 3,
    })
    dead.kck.fetch('product/1').catch(() => undefined)
    await clock.advance(100)
    const fetched = await clock.run(kck.fetch('product/1', { deadline: clock.now() + 60_000 }))
    expect([fetched.from, source.computes]).toEqual(['compute', 1])
  })
})

test('a thousand readers of one key at once are two reads of the store', async () => {
  const { source, primer } = counting()
  const { kck, clock, store } = testKck([primer])
  await clock.run(kck.fetch('product/1'))
  let reads = 0
  const get = store.entries.get.bind(store.entries)
  store.entries.get = async (...args) => {
    reads += 1
    await clock.sleep(5)
    return get(...args)
  }
  await clock.run(Promise.all(Array.from({ length: 1_000 }, () => kck.fetch('product/1'))))
  expect([reads, source.computes]).toEqual([2, 1])
})

describe('a stale value', () => {
  test('is served while a refresh is asked for, once', async () => {
    const { source, primer } = counting({ softTtlMs: 60_000 })
    const { kck, clock, queue } = testKck([primer])
    await clock.run(kck.fetch('product/1'))
    await clock.advance(60_000)
    const answers = await clock.run(Promise.all(Array.from({ length: 20 }, () => kck.fetch('product/1'))))
    expect(answers.map((fetched) => fetched.state)).toEqual(Array.from({ length: 20 }, () => 'stale'))
    expect([source.computes, await queue.depth()]).toEqual([1, { hot: 1, normal: 0, idle: 0 }])
    expect(answers[0]?.staleCause).toBe('soft TTL')
  })

  test('is not served past its hard expiry, however the primer fails', async () => {
    const { source, primer } = counting({ softTtlMs: 60_000, hardTtlMs: 90_000_000 })
    const { kck, clock } = testKck([primer])
    await clock.run(kck.fetch('product/1'))
    source.fail = new Error('no')
    await clock.advance(89_999_999)
    expect((await clock.run(kck.fetch('product/1'))).state).toBe('stale')
    await clock.advance(1)
    await expect(clock.run(kck.fetch('product/1'))).rejects.toMatchObject({ code: 'COMPUTE_FAILED' })
  })

  test('outlives a primer that fails, and says so; the next try waits', async () => {
    const { source, primer } = counting({ softTtlMs: 60_000 })
    const { kck, clock } = testKck([primer])
    await clock.run(kck.fetch('product/1'))
    await clock.advance(60_000)
    source.fail = new Error('secret: select * from passwords')
    await expect(clock.run(kck.fetch('product/1', { noCache: true }))).rejects.toThrow('The primer product failed')
    const fetched = await clock.run(kck.fetch('product/1'))
    expect([fetched.state, await text(fetched)]).toEqual(['failed', expect.stringContaining('"one"')])
    expect(source.computes).toBe(2)
    await expect(clock.run(kck.fetch('product/1', { maxAgeMs: 1 }))).rejects.toMatchObject({
      retryAfterMs: expect.any(Number),
    })
    expect(source.computes).toBe(2)
  })

  test('is parked after ten failures, and freed by a retry by hand', async () => {
    const { source, primer } = counting()
    source.fail = new Error('no')
    const { kck, clock } = testKck([primer])
    for (let tries = 0; tries < 15; tries++) {
      await clock.run(kck.fetch('product/1').catch(() => undefined))
      await clock.advance(600_000)
    }
    expect(source.computes).toBe(10)
    await expect(clock.run(kck.fetch('product/1'))).rejects.toMatchObject({ details: { parked: true } })
    source.fail = null
    expect((await clock.run(kck.refresh('product/1'))).state).toBe('fresh')
  })
})

describe('a bound that the caller states', () => {
  const cases = [
    { request: { maxAgeMs: 20_000 }, computes: 2 },
    { request: { maxAgeMs: 90_000 }, computes: 1 },
    { request: { maxStaleMs: 5_000 }, computes: 2 },
    { request: { maxStaleMs: 15_000 }, computes: 1 },
    { request: { minFreshMs: 1 }, computes: 2 },
    { request: { noCache: true }, computes: 2 },
  ]
  // 70 s after the compute, 10 s after it turned stale.
  test.each(cases)('$request computes $computes times', async ({ request, computes }) => {
    const { source, primer } = counting({ softTtlMs: 60_000 })
    const { kck, clock } = testKck([primer])
    await clock.run(kck.fetch('product/1'))
    await clock.advance(70_000)
    await clock.run(kck.fetch('product/1', request))
    expect(source.computes).toBe(computes)
  })

  test('only-if-cached never computes', async () => {
    const { source, primer } = counting()
    const { kck, clock } = testKck([primer])
    await expect(clock.run(kck.fetch('product/1', { onlyIfCached: true }))).rejects.toMatchObject({
      code: 'ONLY_IF_CACHED',
    })
    expect(source.computes).toBe(0)
  })

  test('a deadline ends the wait with 504, and a worker is asked to go on', async () => {
    const clock = new VirtualClock()
    const primer = testPrimer({
      name: 'product',
      compute: ({ signal }) => clock.sleep(60_000, signal).then(() => 'late'),
    })
    const { kck, queue } = testKck([primer], { clock })
    const asked = clock.now()
    await expect(clock.run(kck.fetch('product/1', { deadline: asked + 2_000 }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    })
    expect([clock.now() - asked, (await queue.depth()).hot]).toEqual([2_000, 1])
  })

  test('priming off is a clear error and a request', async () => {
    const { source, primer } = counting({ primeOnMiss: false })
    const { kck, clock, queue } = testKck([primer])
    await expect(clock.run(kck.fetch('product/1'))).rejects.toMatchObject({ code: 'NOT_SET' })
    expect([source.computes, (await queue.depth()).hot]).toEqual([0, 1])
  })
})

describe('a change during a compute', () => {
  function slow() {
    const clock = new VirtualClock()
    const source = { value: 1, computes: 0 }
    const primer = testPrimer({
      name: 'product',
      compute: async ({ signal }: ComputeContext) => {
        source.computes += 1
        const read = source.value
        await clock.sleep(1_000, signal)
        return read
      },
    })
    return { source, ...testKck([primer], { clock }) }
  }

  test('is not lost: the value is published as stale', async () => {
    const { clock, kck, source } = slow()
    const first = kck.fetch('product/1')
    await clock.advance(500)
    source.value = 2
    expect(await clock.run(kck.invalidate('product/1'))).toBe(true)
    expect((await clock.run(first)).state).toBe('stale')
    expect(await clock.run(kck.get('product/1', { maxStaleMs: 0 }))).toBe(2)
    expect(source.computes).toBe(2)
  })

  test('a purge is not undone by it', async () => {
    const { clock, kck, source } = slow()
    const first = kck.fetch('product/1')
    await clock.advance(500)
    source.value = 2
    expect(await clock.run(kck.purge('product/1'))).toBe(true)
    await clock.run(first)
    expect(await clock.run(kck.get('product/1'))).toBe(2)
  })

  test('a set is not overwritten by it', async () => {
    const { clock, kck } = slow()
    const first = kck.fetch('product/1')
    await clock.advance(500)
    await clock.run(kck.set('product/1', 'by hand'))
    await clock.run(first)
    expect(await clock.run(kck.get('product/1'))).toBe('by hand')
  })
})

describe('products that read products', () => {
  test('make them fresh first and see their JSON form', async () => {
    const source = { at: new Date(0) }
    const inner = testPrimer({ name: 'inner', compute: () => source.at })
    const outer = testPrimer({
      name: 'outer',
      compute: async ({ get }, { id }) => ({ inner: await get(inner, { id }) }),
    })
    const { kck, clock } = testKck([inner, outer])
    expect(await clock.run(kck.get('outer/1'))).toEqual({ inner: '1970-01-01T00:00:00.000Z' })
  })

  test('a circle is refused with its path, at once', async () => {
    const one: ReturnType<typeof testPrimer> = testPrimer({
      name: 'one',
      compute: ({ get }, { id }) => get(`two/${id}`),
    })
    const two: ReturnType<typeof testPrimer> = testPrimer({
      name: 'two',
      compute: ({ get }, { id }) => get(`one/${id}`),
    })
    const { kck, clock } = testKck([one, two])
    const before = clock.now()
    const error = await clock.run(kck.get('one/1')).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(KckError)
    expect(error).toMatchObject({ code: 'CYCLE', message: expect.stringContaining('one/1') })
    expect(clock.now() - before).toBeLessThan(1_000)
  })

  test('one that fails fails those who read it, and nobody else', async () => {
    const inner = testPrimer({
      name: 'inner',
      compute: (_context, { id }) => {
        if (id === 'bad') throw new Error('no')
        return id
      },
    })
    const outer = testPrimer({ name: 'outer', compute: ({ get }, { id }) => get(inner, { id }) })
    const { kck, clock } = testKck([inner, outer])
    const results = await clock.run(kck.fetchMany(['outer/bad', 'outer/good', 'nope/1', 'outer/a/b']))
    expect(results.map((result) => (result instanceof KckError ? result.code : result.key))).toEqual([
      'COMPUTE_FAILED',
      'outer/good',
      'UNKNOWN_PRODUCT',
      'BAD_KEY',
    ])
  })
})

describe('set', () => {
  test('refuses another version than the one expected', async () => {
    const { primer } = counting()
    const { kck, clock } = testKck([primer])
    const { version } = await clock.run(kck.set('product/1', 'a', { ifVersion: 0 }))
    await expect(clock.run(kck.set('product/1', 'b', { ifVersion: version - 1 }))).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    const { version: next } = await clock.run(kck.set('product/1', 'b', { ifVersion: version }))
    expect(next).toBeGreaterThan(version)
  })

  test('versions go on growing after a purge', async () => {
    const { primer } = counting()
    const { kck, clock } = testKck([primer])
    const { version } = await clock.run(kck.set('product/1', 'a'))
    await clock.run(kck.purge('product/1'))
    expect((await clock.run(kck.fetch('product/1'))).version).toBeGreaterThan(version)
  })
})

describe('the near cache', () => {
  test('answers without the store for its time, and never after an invalidation in its process', async () => {
    const { source, primer } = counting()
    const { kck, clock } = testKck([primer], { options: { nearCacheBytes: 1e6, nearCacheMaxAgeMs: 1_000 } })
    await clock.run(kck.fetch('product/1'))
    expect((await clock.run(kck.fetch('product/1'))).from).toBe('near')
    expect(kck.peek('product/1')?.from).toBe('near')
    await clock.advance(1_000)
    expect(kck.peek('product/1')).toBeNull()
    source.value = 'two'
    await clock.run(kck.fetch('product/1'))
    await clock.run(kck.invalidate('product/1'))
    expect(kck.peek('product/1')).toBeNull()
    expect((await clock.run(kck.fetch('product/1'))).state).toBe('stale')
  })

  test('reads what is asked for again and again anew behind the answers, so that it never runs out', async () => {
    const { primer } = counting()
    const { kck, clock } = testKck([primer], { options: { nearCacheBytes: 1e6, nearCacheMaxAgeMs: 1_000 } })
    await clock.run(kck.fetch('product/1'))
    for (let times = 0; times < 10; times++) {
      await clock.advance(800)
      expect(kck.peek('product/1')?.from).toBe('near')
    }
    await clock.advance(5_000)
    expect(kck.peek('product/1')).toBeNull()
  })

  test('answers while the store is down; what it does not hold is computed and not kept', async () => {
    const { source, primer } = counting()
    const { kck, clock, store } = testKck([primer], { options: { nearCacheBytes: 1e6, nearCacheMaxAgeMs: 1_000 } })
    await clock.run(kck.fetch('product/1'))
    await clock.advance(5_000)
    store.entries.get = async () => {
      throw new KckError('STORE_UNAVAILABLE', 'down')
    }
    expect((await clock.run(kck.fetch('product/1'))).from).toBe('near')
    expect((await clock.run(kck.fetch('product/2'))).from).toBe('compute')
    expect(source.computes).toBe(2)
  })
})

/** Lets one call through and pretends that all later ones never come back. */
function onlyOnce<A extends readonly unknown[], R>(call: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  let calls = 0
  return (...args) => {
    calls += 1
    return calls === 1 ? call(...args) : new Promise(() => undefined)
  }
}

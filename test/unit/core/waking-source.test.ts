import { expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import { string } from '../../../src/key/string-types.ts'
import type { Source } from '../../../src/ports/source.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { updater } from '../../../src/updater/updater.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

const starting = new KckError('SOURCE_UNAVAILABLE', 'The database of the source main was paused and is starting', {
  retryAfterMs: 5_000,
})

/** A paused database: nothing is answered until it has started. */
function pausedSource() {
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  let isPaused = true
  const source = { name: 'main', hindrance: () => (isPaused ? starting : null), close: async () => {} }
  return {
    source: source as unknown as Source,
    started,
    start: () => {
      isPaused = false
      start()
    },
  }
}

function system(softTtlMs: number | null = null) {
  const database = pausedSource()
  let first: string | null = null
  const primer = testPrimer({
    name: 'product',
    softTtlMs,
    compute: async () => {
      if (first !== null) return first
      await database.started
      return 'computed'
    },
  })
  const { kck, clock } = testKck([primer], { sources: new Map([['main', database.source]]) })
  return {
    ...database,
    kck,
    clock,
    computeAtOnce: (value: string | null) => {
      first = value
    },
  }
}

test('a database that starts in time is waited for', async () => {
  const { kck, clock, start } = system()
  clock.after(3_000, start)
  expect(await clock.run(kck.get('product/1', { deadline: clock.now() + 10_000 }))).toBe('computed')
})

test('one that does not is said to be starting, and when to ask again', async () => {
  const { kck, clock } = system()
  const fetching = clock.run(kck.fetch('product/1', { deadline: clock.now() + 2_000 }).catch((error) => error))
  expect(await fetching).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryAfterMs: 5_000 })
})

test('where there is a stale value, that is the answer', async () => {
  const { kck, clock, computeAtOnce } = system(1_000)
  computeAtOnce('before')
  await clock.run(kck.get('product/1'))
  computeAtOnce(null)
  await clock.advance(60_000)
  const request = { deadline: clock.now() + 2_000, maxStaleMs: Number.POSITIVE_INFINITY }
  expect(await clock.run(kck.fetch('product/1', request))).toMatchObject({ state: 'stale' })
})

test('a compute that is only slow misses its deadline', async () => {
  const { kck, clock, start } = system()
  start()
  const never = new Promise<never>(() => {})
  const slow = testKck([testPrimer({ name: 'slow', compute: () => never })], { clock })
  const fetching = clock.run(slow.kck.fetch('slow/1', { deadline: clock.now() + 2_000 }).catch((error) => error))
  expect(await fetching).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await kck.close()
})

test('an update that waits for it is said so too, and changes nothing', async () => {
  const { source, clock } = system()
  const waiting = async (_: unknown, { signal }: { readonly signal?: AbortSignal } = {}): Promise<never> => {
    const { promise, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    return promise
  }
  const write = updater({ name: 'write', key: { name: string() }, source: 'main', update: WRITE })
  const { kck } = testKck([], {
    clock,
    registry: createRegistry({ primers: [], updaters: [write] }),
    sources: new Map([['main', { ...source, transaction: waiting as Source['transaction'] }]]),
  })
  const updating = kck.update('write/a', {}, { deadline: clock.now() + 2_000 }).catch((error) => error)
  expect(await clock.run(updating)).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryAfterMs: 5_000 })
})

const WRITE = 'update things set n = n + 1 where name = :name returning name'

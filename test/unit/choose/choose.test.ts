import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Candidate, choose, LANES } from '../../../src/refresh/choose.ts'

const NOW = 1_700_000_000_000
const HOUR = 3_600_000

const candidates: fc.Arbitrary<Candidate> = fc.record({
  cause: fc.constantFrom('deadline', 'not-set', 'manual', 'stale-read', 'change', 'retry', 'schedule', 'warm-up'),
  askedAt: fc.integer({ min: NOW - 10 * HOUR, max: NOW }),
  staleSince: fc.option(fc.integer({ min: NOW - 10 * HOUR, max: NOW })),
  demand: fc.nat(100_000),
  softTtlMs: fc.option(fc.integer({ min: 1, max: 48 * HOUR })),
  costMs: fc.option(fc.integer({ min: 0, max: 600_000 })),
  idle: fc.boolean(),
})
const plain: Candidate = {
  cause: 'change',
  askedAt: NOW - 60_000,
  staleSince: NOW - 60_000,
  demand: 4,
  softTtlMs: HOUR,
  costMs: 2_000,
  idle: false,
}

/** Colder comes after hotter, and nowhere last. */
const rank = (candidate: Candidate, now = NOW) => {
  const { lane } = choose(candidate, now)
  return lane === null ? LANES.length : LANES.indexOf(lane)
}

/** `more` is worth at least what `less` is, in score and in lane. */
function expectWorth(more: Candidate, less: Candidate) {
  expect(choose(more, NOW).score).toBeGreaterThanOrEqual(choose(less, NOW).score)
  expect(rank(more)).toBeLessThanOrEqual(rank(less))
}

const amounts = fc.nat(HOUR)
const grown: Readonly<Record<string, (candidate: Candidate, by: number) => Candidate>> = {
  'more reads': (one, by) => ({ ...one, demand: one.demand + by }),
  'a longer staleness': (one, by) => ({ ...one, staleSince: (one.staleSince ?? one.askedAt) - by }),
  'a longer wait': (one, by) => ({ ...one, askedAt: one.askedAt - by }),
  'a shorter soft TTL': (one, by) => ({ ...one, softTtlMs: Math.max(1, (one.softTtlMs ?? HOUR) - by) }),
  'a lower cost': (one, by) => ({ ...one, costMs: Math.max(0, (one.costMs ?? 1_000) - by) }),
  'a reader who may come': (one) => ({ ...one, idle: false }),
}

describe('a refresh is worth no less for', () => {
  test.each(Object.entries(grown))('%s', (_, grow) => {
    fc.assert(fc.property(candidates, amounts, (one, by) => expectWorth(grow(one, by), one)))
  })

  test('a better cause', () => {
    const better = ['deadline', 'change', 'schedule', 'warm-up']
    fc.assert(
      fc.property(candidates, fc.nat(2), (one, at) =>
        expectWorth({ ...one, cause: better[at] as string }, { ...one, cause: better[at + 1] as string }),
      ),
    )
  })

  test('time that passes', () => {
    fc.assert(
      fc.property(candidates, amounts, (one, by) => {
        expect(choose(one, NOW + by).score).toBeGreaterThanOrEqual(choose(one, NOW).score)
        expect(rank(one, NOW + by)).toBeLessThanOrEqual(rank(one))
      }),
    )
  })
})

test('every score is a number', () => {
  fc.assert(
    fc.property(candidates, (one) => {
      expect(choose(one, NOW).score).toSatisfy(Number.isFinite)
    }),
  )
})

test('a client that waits comes before everything else', () => {
  expect(choose({ ...plain, cause: 'not-set', demand: 0, costMs: 600_000 }, NOW).lane).toBe('hot')
})

test.each([
  ['what many read and costs little', { demand: 64 }, 'hot'],
  ['what few read and costs much', { demand: 4, costMs: 60_000 }, 'normal'],
  ['what nobody reads and costs much', { demand: 0, costMs: 600_000 }, 'idle'],
  ['the same when it is nearly late', { demand: 0, costMs: 100_000, staleSince: NOW - 0.8 * HOUR }, 'hot'],
  ['a warm-up', { cause: 'warm-up', demand: 0, costMs: 10_000 }, 'idle'],
] as const)('%s waits where it belongs', (_, more, lane) => {
  expect(choose({ ...plain, ...more }, NOW).lane).toBe(lane)
})

describe('an idle product', () => {
  test.each(['change', 'retry', 'schedule', 'warm-up'])('is not refreshed for a %s', (cause) => {
    expect(choose({ ...plain, cause, demand: 0, idle: true }, NOW)).toMatchObject({ lane: null, score: 0 })
  })

  test.each([{ cause: 'stale-read' }, { cause: 'deadline' }, { cause: 'manual' }, { demand: 1 }])(
    'wakes for a reader (%o)',
    (more) => expect(choose({ ...plain, demand: 0, idle: true, ...more }, NOW).lane).not.toBeNull(),
  )
})

test('a choice says why', () => {
  expect(choose(plain, NOW).reason).toBe(
    'Asked for by a change or a reader, read 4 times since, stale for 60 s of 60 min, at a cost of 2 s.',
  )
  expect(choose({ ...plain, demand: 0, idle: true }, NOW).reason).toContain('when somebody does')
})

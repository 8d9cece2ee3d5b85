import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backlog, type Waiting } from '../../../src/refresh/backlog.ts'
import { type Candidate, LANES } from '../../../src/refresh/choose.ts'

const waiting = (item: string, more: Partial<Candidate> & Partial<Pick<Waiting<string>, 'lane' | 'from'>> = {}) => {
  const { lane = 'normal', from = lane, ...candidate } = more
  const known = { cause: 'change', askedAt: 0, staleSince: 0, demand: 0, softTtlMs: null, costMs: 1_000, idle: false }
  return { item, from, lane, candidate: { ...known, ...candidate } }
}

function backlogOf(all: readonly Waiting<string>[]) {
  const backlog = new Backlog<string>()
  for (const one of all) backlog.add(one)
  return backlog
}

function takeAll(backlog: Backlog<string>) {
  const taken: string[] = []
  for (let item = backlog.take(1_000); item !== undefined; item = backlog.take(1_000)) taken.push(item)
  return taken
}

test('hotter lanes come first, then what is worth more, then who asked first', () => {
  const all = [
    waiting('idle', { lane: 'idle', demand: 1_000 }),
    waiting('wanted', { demand: 9 }),
    waiting('later', { askedAt: 2 }),
    waiting('sooner', { askedAt: 1 }),
    waiting('hot', { lane: 'hot' }),
  ]
  expect(takeAll(backlogOf(all))).toEqual(['hot', 'wanted', 'sooner', 'later', 'idle'])
})

test('the order does not depend on how they came in', () => {
  const some = fc.uniqueArray(
    fc.record({ at: fc.nat(1_000), demand: fc.nat(9), cost: fc.nat(9_000), lane: fc.constantFrom(...LANES) }),
    { selector: ({ at }) => at, maxLength: 30 },
  )
  fc.assert(
    fc.property(some, fc.gen(), (list, gen) => {
      const all = list.map(({ at, demand, cost, lane }) =>
        waiting(String(at), { askedAt: at, demand, costMs: cost, lane }),
      )
      const shuffled = gen(fc.shuffledSubarray, all, { minLength: all.length })
      const taken = takeAll(backlogOf(all))
      expect(takeAll(backlogOf(shuffled))).toEqual(taken)
      expect(taken).toHaveLength(all.length)
    }),
  )
})

test('nothing waits for ever, however much hotter work comes', () => {
  const costs = fc.integer({ min: 50, max: 600_000 })
  fc.assert(
    fc.property(fc.array(costs, { minLength: 1, maxLength: 5 }), fc.infiniteStream(costs), (cold, hot) => {
      const backlog = backlogOf(
        cold.map((costMs, askedAt) => waiting(`cold ${askedAt}`, { lane: 'idle', askedAt, costMs, cause: 'warm-up' })),
      )
      const costOf = new Map<string, number>()
      let begun = 0
      let hotMs = 0
      for (let n = 0; begun < cold.length; n++) {
        const costMs = hot.next().value as number
        costOf.set(`hot ${n}`, costMs)
        backlog.add(waiting(`hot ${n}`, { lane: 'hot', askedAt: 1_000 + n, costMs, demand: 1_000 }))
        const taken = backlog.take(2_000 + n) as string
        if (taken.startsWith('cold')) {
          // In the order in which they were asked for.
          expect(taken).toBe(`cold ${begun}`)
          begun += 1
          const before = cold.slice(0, begun).reduce((sum, ms) => sum + ms, 0)
          expect(hotMs).toBeLessThanOrEqual(49 * before + 600_000)
        } else {
          hotMs += costOf.get(taken) as number
        }
      }
    }),
    { numRuns: 50 },
  )
})

test('what is worth the least is shed, but never the oldest', () => {
  const backlog = backlogOf([
    waiting('a', { demand: 3, askedAt: 1 }),
    waiting('b', { demand: 1, askedAt: 2 }),
    waiting('c', { lane: 'hot', askedAt: 3 }),
    waiting('d', { lane: 'idle', from: 'normal', askedAt: 0 }),
  ])
  expect(backlog.countFrom('normal')).toBe(3)
  expect(backlog.shed(2, 0).map(({ item }) => item)).toEqual(['a', 'b'])
  expect(backlog.clear()).toEqual(['c', 'd'])
  expect(backlog.take(0)).toBeUndefined()
})

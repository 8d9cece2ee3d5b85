import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entropy } from '../../../src/ports/clock.ts'
import { LEASE_MS, type Process, SKEW_MS, World } from './world.ts'

const NUM_RUNS = Number(process.env['KCK_BUDGET_RUNS'] ?? 15)

test('whatever happens, never more run at once or begin in a second than the budget says', async () => {
  const plan = fc.record({
    seed: fc.integer(),
    concurrency: fc.option(fc.integer({ min: 1, max: 8 })),
    perSecond: fc.option(fc.constantFrom(0.5, 1, 3, 20, 100)),
    processes: fc.array(
      fc.record({
        skewedBy: fc.integer({ min: -2_500, max: 2_500 }),
        clients: fc.integer({ min: 1, max: 12 }),
        lost: fc.constantFrom(0, 0, 0.05, 0.3),
        startAt: fc.integer({ min: 0, max: 20_000 }),
        lateMs: fc.constantFrom(0, 0, 5_900),
        outageAt: fc.option(fc.integer({ min: 0, max: 30_000 })),
        longestMs: fc.constantFrom(5, 200, 5_000),
        killAt: fc.option(fc.integer({ min: 0, max: 60_000 })),
      }),
      { minLength: 1, maxLength: 7 },
    ),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ seed, concurrency, perSecond, processes }) => {
      const world = new World({ concurrency, perSecond }, seed)
      const { clock, database, entropy } = world
      for (const { skewedBy, clients, lost, lateMs, startAt, outageAt, longestMs, killAt } of processes) {
        const weather = { latencyMs: 20, lost, lateMs }
        const begin = () => {
          const one = world.process({ skewedBy, weather, maxWaitMs: 5_000 })
          one.load(clients, () => statementOf(entropy, longestMs, clock))
          if (outageAt !== null) cutOff(one, clock, outageAt)
          if (killAt === null) return
          clock.after(killAt, () => one.kill())
          if (entropy.random() < 0.5) clock.after(killAt, begin)
        }
        clock.after(startAt, begin)
      }
      await clock.advance(80_000)
      expect(database.most).toBeLessThanOrEqual(concurrency ?? Number.POSITIVE_INFINITY)
      expect(database.mostPerSecond).toBeLessThanOrEqual(
        perSecond === null ? Number.POSITIVE_INFINITY : Math.ceil(perSecond),
      )
    }),
    { numRuns: NUM_RUNS },
  )
}, 120_000)

function cutOff(one: Process, clock: World['clock'], at: number): void {
  const isDown = (is: boolean) => () => {
    one.isDown = is
  }
  clock.after(at, isDown(true))
  clock.after(at + 2 * LEASE_MS, isDown(false))
}

function statementOf(entropy: Entropy, longestMs: number, clock: World['clock']) {
  const ms = Math.ceil(entropy.random() * longestMs)
  if (entropy.random() < 0.9) return { ms }
  const caller = new AbortController()
  clock.after(entropy.random() * 300, () => caller.abort(new Error('gone')))
  return { ms, signal: caller.signal }
}

const loads = [
  { name: 'few processes, many permits', processes: 4, concurrency: 16, perSecond: null, ms: 200 },
  { name: 'more processes than permits', processes: 12, concurrency: 3, perSecond: null, ms: 200 },
  { name: 'one permit for all', processes: 5, concurrency: 1, perSecond: null, ms: 100 },
  { name: 'starts only', processes: 5, concurrency: null, perSecond: 40, ms: 20 },
  { name: 'fewer starts than processes', processes: 8, concurrency: 8, perSecond: 3, ms: 20 },
  { name: 'both, starts are scarce', processes: 6, concurrency: 8, perSecond: 20, ms: 50 },
  { name: 'both, permits to run are scarce', processes: 6, concurrency: 4, perSecond: 200, ms: 300 },
]

test.each(loads)(
  'under too much demand the budget is used and shared: $name',
  async (load) => {
    const { processes, concurrency, perSecond, ms } = load
    const world = new World({ concurrency, perSecond })
    const { clock, database, entropy } = world
    const all = Array.from({ length: processes }, () => world.process({ maxWaitMs: 60_000 }))
    for (const each of all) each.load(40, () => ({ ms: Math.ceil(ms * (0.5 + entropy.random())) }))
    await clock.advance(10_000)
    const before = { began: database.began, busyMs: database.busyMs, ...world.calls }
    for (const each of all) each.finished = 0
    await clock.advance(60_000)
    const used = [
      concurrency === null ? 0 : (database.busyMs - before.busyMs) / (60_000 * concurrency),
      perSecond === null ? 0 : (database.began - before.began) / (60 * perSecond),
    ]
    const counts = all.map((each) => each.finished)
    const figures = {
      used: used.map((part) => Math.round(part * 100)),
      least: Math.min(...counts),
      most: Math.max(...counts),
      getsPerSecond: Math.round((world.calls.get - before.get) / 60),
      setsPerSecond: Math.round((world.calls.set - before.set) / 60),
    }
    process.stdout.write(`budget, ${load.name}: ${JSON.stringify(figures)}\n`)
    expect(Math.max(...used)).toBeGreaterThan(0.8)
    expect(Math.max(...used)).toBeLessThanOrEqual(1.02)
    expect(figures.least).toBeGreaterThan(figures.most / 3)
  },
  60_000,
)

test('processes that need a permit once in a while pass it on at once', async () => {
  const world = new World({ concurrency: 2, perSecond: 5 })
  const { clock, database, entropy } = world
  for (let count = 0; count < 24; count++) {
    const one = world.process({ maxWaitMs: 60_000 })
    const now = async () => {
      await clock.sleep(entropy.random() * 3_000)
      await one.query({ ms: 500 })
      void now()
    }
    void now()
  }
  await clock.advance(10_000)
  const before = { busyMs: database.busyMs, ...world.calls }
  await clock.advance(60_000)
  const used = (database.busyMs - before.busyMs) / 120_000
  const setsPerSecond = Math.round((world.calls.set - before.set) / 60)
  const getsPerSecond = Math.round((world.calls.get - before.get) / 60)
  process.stdout.write(`budget, once in a while: ${JSON.stringify({ used, getsPerSecond, setsPerSecond })}\n`)
  expect(used).toBeGreaterThan(0.8)
})

test('what a killed process held is used by the others after its lease', async () => {
  const world = new World({ concurrency: 4 })
  const { clock, database } = world
  const [one, other] = [world.process(), world.process()] as [Process, Process]
  one.load(10, () => ({ ms: 100 }))
  await clock.advance(5_000)
  one.kill()
  other.load(10, () => ({ ms: 100 }))
  await clock.advance(LEASE_MS + SKEW_MS + 1_000)
  const before = database.busyMs
  await clock.advance(10_000)
  expect((database.busyMs - before) / 10_000).toBeGreaterThan(3.2)
  expect(database.most).toBe(4)
})

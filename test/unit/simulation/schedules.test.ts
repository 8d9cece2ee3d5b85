import { describe, expect, test } from 'vitest'
import { runSchedule } from '../../simulation/run.ts'
import { SCENARIOS } from '../../simulation/scenarios.ts'

/** A few seeds of each scenario at every run; `node test/simulation/long.ts` runs as many as one likes. */
const SEEDS = 30

describe('whole systems, with faults, crashes and clocks that differ', () => {
  test.each(Object.entries(SCENARIOS))(
    '%s: every promise holds at every step and at rest',
    async (_, scenario) => {
      const broken: string[] = []
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { violations } = await runSchedule(seed, scenario)
        broken.push(...violations.map((violation) => `seed ${seed}: ${violation}`))
      }
      expect(broken).toEqual([])
    },
    120_000,
  )
})

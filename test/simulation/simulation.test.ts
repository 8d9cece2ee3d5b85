import { expect, test } from 'vitest'
import { SCENARIOS } from './scenarios.ts'
import { beyondLimits, simulate } from './simulate.ts'

test('no schedule breaks a promise, and what is promised happens soon', { timeout: 600_000 }, async () => {
  const simulated = await simulate({ seed: 1_001, seeds: 700, scenarios: Object.keys(SCENARIOS), failures: 3 })
  expect(simulated.broken).toEqual([])
  expect(beyondLimits(simulated)).toEqual([])
})

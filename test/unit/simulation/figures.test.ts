import { expect, test } from 'vitest'
import { beyondLimits, LIMITS, simulate } from '../../simulation/simulate.ts'

/** What something else heals is never wrong, only late or done twice. */
test('changes arrive soon, and nothing is computed too often', { timeout: 120_000 }, async () => {
  const simulated = await simulate({ seed: 1, seeds: 90, scenarios: Object.keys(LIMITS), failures: 1 })
  expect(simulated.broken).toEqual([])
  expect(beyondLimits(simulated)).toEqual([])
})

test('the same seed gives the same run', { timeout: 60_000 }, async () => {
  const run = () => simulate({ seed: 77, seeds: 4, scenarios: ['storm', 'near'], failures: 1 })
  expect(await run()).toEqual(await run())
})

import { expect, test } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { simulateMutant } from './simulate-mutant.ts'

/** How far from the recorded seed it looks: changes of the core move it a little. */
const WINDOW = 200

/**
 * Every planted bug must be found: a simulation that finds nothing may be one that looks at nothing. It begins with the
 * seed that found it first; where another one does by now, `search-mutants.ts` says which.
 */
test.concurrent.each(Object.entries(MUTANTS))('finds out that %s', { timeout: 300_000 }, async (name, mutant) => {
  const seeds = mutant.masked ?? WINDOW
  const { broken, slow } = await simulateMutant(name, { seed: mutant.seed, seeds })
  const again = `not from seed ${mutant.seed} on: node test/simulation/search-mutants.ts ${JSON.stringify(name)}`
  expect(mutant.masked ? slow : broken, again).not.toEqual([])
})

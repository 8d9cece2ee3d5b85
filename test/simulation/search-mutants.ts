// biome-ignore-all lint/suspicious/noConsole: a command that prints what it found.
import { availableParallelism } from 'node:os'
import { concurrently } from '../../src/async/concurrently.ts'
import { MUTANTS } from './mutants.ts'
import { simulateMutant } from './simulate-mutant.ts'

/** Each planted bug must be found within so many. */
const SEEDS = 5_000

/** `node test/simulation/search-mutants.ts [<name> ...]`: the first seed that finds each; all of them take long. */
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(MUTANTS)
await concurrently(names, availableParallelism(), async (name) => {
  const mutant = MUTANTS[name]
  if (!mutant) throw new Error(`There is no mutant ${name}: ${Object.keys(MUTANTS).join(', ')}`)
  // What is masked shows in the figures of many.
  if (mutant.masked) return
  const { broken } = await simulateMutant(name, { seed: 1, seeds: SEEDS })
  const [first] = broken
  console.log(first ? `${name}: seed ${first.seed}` : `${name}: NOT FOUND in ${SEEDS} seeds`)
  if (!first) process.exitCode = 1
})

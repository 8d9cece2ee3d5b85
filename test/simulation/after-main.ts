import { parseArgs } from 'node:util'
import { AFTER_MUTANTS } from './after-mutants.ts'
import { plant } from './plant.ts'

/** `node test/simulation/after-main.ts [--seed 1] [--seeds 100] [--mutant <name>]`: prints the first violation as JSON. */
const { values } = parseArgs({
  options: { seed: { type: 'string' }, seeds: { type: 'string' }, mutant: { type: 'string' } },
})
if (values.mutant !== undefined) {
  const edits = AFTER_MUTANTS[values.mutant]
  if (!edits) throw new Error(`There is no mutant ${values.mutant}`)
  plant(edits)
}
const { runReaders } = await import('./after.ts')
const first = Number(values.seed ?? 1)
let found: readonly string[] = []
for (let seed = first; seed < first + Number(values.seeds ?? 100) && found.length === 0; seed++) {
  const { violations } = await runReaders(seed, { tokens: true })
  found = violations.map((violation) => `seed ${seed}: ${violation}`)
}
process.stdout.write(`${JSON.stringify(found.slice(0, 1))}\n`)

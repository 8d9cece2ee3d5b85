import { MUTANTS } from './mutants.ts'
import { plant } from './plant.ts'

/**
 * Plants a bug while the core is loaded: `KCK_MUTANT=<name> node --import ./test/simulation/plant-mutant.ts ...`. Throws
 * when a text to be replaced is not there exactly once, so that a mutant never silently vanishes.
 */
const mutant = MUTANTS[process.env['KCK_MUTANT'] ?? '']
if (!mutant) throw new Error(`There is no mutant ${process.env['KCK_MUTANT']}`)
plant(mutant.edits)

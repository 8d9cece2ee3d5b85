import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { MUTANTS } from './mutants.ts'

/**
 * Plants a bug while the core is loaded: `KCK_MUTANT=<name> node --import ./test/simulation/plant-mutant.ts ...`. Throws
 * when a text to be replaced is not there exactly once, so that a mutant never silently vanishes.
 */
const root = new URL('../../', import.meta.url)
const mutant = MUTANTS[process.env['KCK_MUTANT'] ?? '']
if (!mutant) throw new Error(`There is no mutant ${process.env['KCK_MUTANT']}`)

const planted = new Map<string, string>()
for (const { file, find, replace } of mutant.edits) {
  const { href } = new URL(file, root)
  const source = planted.get(href) ?? readFileSync(new URL(href), 'utf8')
  const [before, after, ...more] = source.split(find)
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} does not have exactly one ${JSON.stringify(find)}: write the mutant anew`)
  }
  planted.set(href, `${before}${replace}${after}`)
}

registerHooks({
  load(url, context, nextLoad) {
    const source = planted.get(url)
    if (source === undefined) return nextLoad(url, context)
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})

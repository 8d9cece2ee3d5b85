import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import type { Edit } from './mutants.ts'

const root = new URL('../../', import.meta.url)

/** Changes the core while it is loaded. Throws when a text to be replaced is not there exactly once. */
export function plant(edits: readonly Edit[]): void {
  const planted = new Map<string, string>()
  for (const { file, find, replace } of edits) {
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
}

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { extname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AnyPrimer } from './definition.ts'
import { primerFromSql } from './sql-file.ts'

const known = new Map<string, { readonly text: string; readonly primer: AnyPrimer }>()

/** The primer of a `.sql` file: the same object for whoever asks, as long as the file does not change. */
export function primerOfSqlFile(path: string): AnyPrimer {
  const text = readFileSync(path, 'utf8')
  const before = known.get(path)
  if (before?.text === text) return before.primer
  const primer = primerFromSql(text, fileLabel(path))
  known.set(path, { text, primer })
  return primer
}

/** A file as messages show it. */
export function fileLabel(path: string): string {
  return relative(process.cwd(), path)
}

let registered = false

/**
 * Lets TypeScript import a `.sql` primer: `import customerOrders from './customer_orders.sql'`. To be called before the
 * first module with such an import is loaded; `loadDefinitions` does.
 */
export function registerSqlImports(): void {
  if (registered) return
  registered = true
  registerHooks({
    load: (url, context, nextLoad) =>
      url.endsWith('.sql')
        ? { format: 'module', shortCircuit: true, source: sqlImport(fileURLToPath(url)) }
        : nextLoad(url, context),
  })
}

/** A module whose default export is the primer of a `.sql` file that is there at run time. */
export function sqlImport(path: string): string {
  const here = JSON.stringify(import.meta.url)
  return `import { primerOfSqlFile } from ${here}\nexport default primerOfSqlFile(${JSON.stringify(path)})\n`
}

/** The same with the file's text inside, for a bundle. `file` is shown in messages, and its name is the primer's. */
export function toModule(sqlText: string, file: string): string {
  const reader = fileURLToPath(new URL(`./sql-file${extname(import.meta.url)}`, import.meta.url))
  const call = `primerFromSql(${JSON.stringify(sqlText)}, ${JSON.stringify(file)})`
  return `import { primerFromSql } from ${JSON.stringify(reader)}\nexport default ${call}\n`
}

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** The statement of a primer or updater file in PostgreSQL's own form (`$1`), so that every system runs the same SQL. */
export function statementOf(file: `${'kprimers' | 'kupdaters'}/${string}`): string {
  const text = readFileSync(new URL(`${file}.yml`, import.meta.url), 'utf8')
  const { parameters, query } = parse(text) as YamlFile
  const sql = typeof query.template === 'string' ? query.template : query.template.update
  return parameters.reduce(
    (done, { name }, index) => done.replaceAll(new RegExp(`(?<!:):${name}\\b`, 'g'), `$${index + 1}`),
    sql,
  )
}

interface YamlFile {
  readonly parameters: readonly { readonly name: string }[]
  readonly query: { readonly template: string | { readonly update: string } }
}

import { readFile, writeFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import { openSources } from '../local/open-sources.ts'
import type { Source } from '../ports/source.ts'
import { declarationFile, declarationFor } from '../primer/declaration.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ColumnNullability } from '../sql/nullability.ts'
import { statementOf } from '../sql/parse.ts'
import type { Io } from './io.ts'
import { CommandFailed, type CommonOptions, registryOf, settingsOf, subcommand } from './subcommand.ts'

interface TypesOptions extends CommonOptions {
  readonly check?: boolean
}

export function addTypes(program: Command, io: Io): void {
  subcommand(program, 'types', 'write the TypeScript types of .sql primers beside them (*.d.sql.ts)')
    .option('--check', 'write nothing; fail when one is missing or out of date')
    .action(async (options: TypesOptions) => {
      const config = await settingsOf(options, io)
      const { primers } = await registryOf(config)
      const sources = await openSources(config.sources)
      try {
        const changed = await writeAll([...primers.values()], sources, options.check ?? false)
        report(changed, options, io)
      } finally {
        await Promise.all([...sources.values()].map((source) => source.close()))
      }
    })
}

/** Paths of the declarations that changed, or would. */
async function writeAll(
  primers: readonly AnyPrimer[],
  sources: ReadonlyMap<string, Source>,
  dry: boolean,
): Promise<string[]> {
  const changed: string[] = []
  const nullability = new Map<Source, ColumnNullability>()
  for (const primer of primers) {
    if (!primer.file?.endsWith('.sql') || primer.statement === null) continue
    const source = sourceOf(primer, sources)
    const tables = nullability.get(source) ?? (await nullabilityIn(source))
    nullability.set(source, tables)
    const file = declarationFile(resolve(primer.file))
    const text = declarationFor(primer, await source.describe(primer.statement), tables)
    if ((await readFile(file, 'utf8').catch(() => '')) === text) continue
    if (!dry) await writeFile(file, text)
    changed.push(relative('.', file))
  }
  return changed
}

export function sourceOf({ name, source }: AnyPrimer, sources: ReadonlyMap<string, Source>): Source {
  const found = source === null ? [...sources.values()][0] : sources.get(source)
  if (found === undefined) throw new KckError('INVALID_CONFIG', `The source of ${name} is not in the settings`)
  return found
}

/** Which columns of the database's tables can be null. A name without a schema means the one that is visible. */
export async function nullabilityIn(source: Source): Promise<ColumnNullability> {
  const { rows } = await source.query(
    statementOf(`select n.nspname, c.relname, a.attname, not a.attnotnull, pg_table_is_visible(c.oid)
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p')`),
    {},
  )
  const columns = new Map<string, boolean>()
  for (const [schema, table, column, nullable, visible] of rows) {
    columns.set(JSON.stringify([schema, table, column]), nullable === true)
    if (visible === true) columns.set(JSON.stringify([null, table, column]), nullable === true)
  }
  return ({ schema, table }, column) => columns.get(JSON.stringify([schema, table, column]))
}

function report(changed: readonly string[], { check, json }: TypesOptions, io: Io): void {
  if (json) io.out(JSON.stringify({ changed }))
  else if (changed.length === 0) io.out('All types are up to date.')
  else for (const file of changed) io.out(`${check ? 'Out of date' : 'Wrote'}: ${file}`)
  if (check && changed.length > 0) throw new CommandFailed()
}

import { KckError } from '../errors.ts'
import type { SourceChange } from '../kck/kck.ts'

/** Rows, keys or tags of one change. Whoever has more sends several, or says that all of the table changed. */
const MOST = 1_000
/** Columns of one row. */
const MOST_COLUMNS = 100
const LONGEST_NAME = 256

/**
 * A change as it comes over HTTP or in a message: `{"table", "rows"?, "source"?, "keys"?, "tags"?}`, at least one of
 * `table`, `keys` and `tags`. Throws `INVALID_BODY`, naming the field.
 */
export function readChange(fields: Readonly<Record<string, unknown>>): SourceChange {
  const { table, rows, source, keys, tags, ...unknown } = fields
  const [other] = Object.keys(unknown)
  if (other !== undefined) throw invalid(other, 'A change has table, rows, source, keys and tags, and nothing else')
  if (table === undefined && (rows !== undefined || source !== undefined)) {
    throw invalid('table', 'Which table do rows and source belong to?')
  }
  if (table === undefined && keys === undefined && tags === undefined) {
    throw invalid('table', 'Say what changed: a table, keys or tags')
  }
  return {
    ...(table === undefined ? {} : { tables: tablesOf(table, rows, source) }),
    ...(keys === undefined ? {} : { keys: namesOf('keys', keys) }),
    ...(tags === undefined ? {} : { tags: namesOf('tags', tags) }),
  }
}

function tablesOf(table: unknown, rows: unknown, source: unknown): NonNullable<SourceChange['tables']> {
  if (!isName(table)) throw invalid('table', 'table must be the name of a table, such as orders or sales.orders')
  if (source !== undefined && !isName(source)) throw invalid('source', 'source must be the name of a source')
  const changed = { table, ...(source === undefined ? {} : { source }) }
  if (rows === undefined) return [changed]
  if (!(isList(rows) && rows.every(isRow))) {
    throw invalid(
      'rows',
      `rows must be 1 to ${MOST} objects of at most ${MOST_COLUMNS} columns; leave it out for all rows`,
    )
  }
  return rows.map((row) => ({ ...changed, row }))
}

function namesOf(field: string, value: unknown): readonly string[] {
  if (isList(value) && value.every(isName)) return value
  throw invalid(field, `${field} must be a list of 1 to ${MOST} texts`)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.length <= MOST
}

function isRow(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const columns = Object.keys(value)
  return columns.length <= MOST_COLUMNS && columns.every(isName)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
const CONTROL = /[\u0000-\u001f\u007f]/

/** A key may be longer than any name; what is wrong with it is for whoever parses it to say. */
function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) return false
  return value.length <= 4 * LONGEST_NAME && !CONTROL.test(value)
}

function invalid(field: string, message: string): KckError {
  return new KckError('INVALID_BODY', message, { details: { field } })
}

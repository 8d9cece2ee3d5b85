import type { SqlValues } from '../ports/source.ts'
import type { SqlStatement } from '../sql/statement.ts'
import { type TableRead, usageOf } from '../sql/usage.ts'

/**
 * The nodes that a statement reads, from its text and its parameters:
 *
 * - `table/shop/orders`: all of a table;
 * - `table/shop/orders?customer_id=42`: the rows in which a column equals a parameter, and `table/shop/orders?`, which
 *   everybody who reads some rows hangs below too, for changes that do not say which rows they touch;
 * - `table/shop/*`: anything, because a function of the user's own may read anything.
 */
export function tableNodes(source: string, statement: SqlStatement, values: SqlValues): readonly string[] {
  const usage = cachedUsage(statement)
  const nodes = usage.reads.flatMap((read) => readNodes(source, read, values))
  return usage.opaque || usage.functions.length > 0 ? [...nodes, `table/${source}/*`] : nodes
}

function readNodes(source: string, read: TableRead, values: SqlValues): readonly string[] {
  const table = tableNode(source, read.schema === null ? read.table : `${read.schema}.${read.table}`)
  const columns = Object.keys(read.equals)
  if (columns.length === 0) return [table]
  const parameters = columns.map((column) => [column, values[read.equals[column] ?? '']] as const)
  return [`${table}?`, rowsNode(table, parameters)]
}

export function tableNode(source: string, table: string): string {
  return `table/${source}/${table}`
}

/** The rows of a table in which every column has its value; the same node whatever the order of the columns. */
export function rowsNode(table: string, equals: readonly (readonly [column: string, value: unknown])[]): string {
  const parts = equals.map(([column, value]) => `${encodeURIComponent(column)}=${encodeURIComponent(valueText(value))}`)
  return `${table}?${parts.sort().join('&')}`
}

function valueText(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

const usages = new WeakMap<SqlStatement, ReturnType<typeof usageOf>>()

function cachedUsage(statement: SqlStatement): ReturnType<typeof usageOf> {
  const known = usages.get(statement)
  if (known) return known
  const usage = usageOf(statement)
  usages.set(statement, usage)
  return usage
}

import { LRUCache } from 'lru-cache'
import type { JsonValue } from '../entry/json.ts'
import type { TableChange } from '../kck/kck.ts'
import type { Lineage } from '../ports/lineage.ts'
import type { SqlValues } from '../ports/source.ts'
import type { SqlStatement } from '../sql/statement.ts'
import { type TableName, usageOf } from '../sql/usage.ts'

/**
 * Tables as nodes of the lineage.
 *
 * - `table/shop/orders`: who reads all of a table hangs below it;
 * - `table/shop/orders?customer_id=42`: who reads only rows in which columns equal its parameters;
 * - `table/shop/orders?{customer_id}`: everybody of the second kind with these columns, for changes that do not say
 *   what stands in them;
 * - `columns/shop/orders`: its dependents are the sets of columns in use;
 * - `table/shop/*`: who calls a function of the user's own, which may read anything.
 */
export interface TableNodes {
  readonly nodes: readonly string[]
  /** Sets of columns to be registered before: `[node of the table, "a,b"]`. */
  readonly columnSets: readonly (readonly [node: string, set: string])[]
}

/** What a statement reads, from its text and its parameters. */
export function tableNodes(source: string, statement: SqlStatement, values: SqlValues): TableNodes {
  const usage = cachedUsage(statement)
  const columnSets: (readonly [string, string])[] = []
  const nodes = usage.reads.flatMap((read) => {
    const table = nameOf(read)
    const columns = Object.keys(read.equals).sort()
    if (columns.length === 0) return [`table/${source}/${table}`]
    // Another spelling of it may stand in a changed row.
    if (!columns.every((column) => hasOneSpelling(values[read.equals[column] ?? ''])))
      return [`table/${source}/${table}`]
    columnSets.push([`columns/${source}/${table}`, columns.join(',')])
    const equals = columns.map((column) => [column, values[read.equals[column] ?? '']] as const)
    return [rowsNode(`table/${source}/${table}`, equals), `table/${source}/${table}?{${columns.join(',')}}`]
  })
  const anything = usage.opaque || usage.functions.length > 0
  return { nodes: anything ? [...nodes, `table/${source}/*`] : nodes, columnSets }
}

/** The nodes that a change of a table touches. */
export async function changedNodes(lineage: Lineage, change: TableChange): Promise<readonly string[]> {
  return nodesOfChanges(lineage, [change])
}

/** The nodes that changes touch, each once; what is known of a table is asked for once. */
export async function nodesOfChanges(lineage: Lineage, changes: readonly TableChange[]): Promise<readonly string[]> {
  const byTable = Map.groupBy(changes, ({ source, table }) => `${source}/${table}`)
  const touched = [...byTable.values()].map(async (ofTable) => {
    const [first] = ofTable
    if (!first) return []
    const nodes = await Promise.all(sameTable(first.table).map((name) => nodesNamed(lineage, name, ofTable)))
    return [...nodes.flat(), `table/${first.source}/*`]
  })
  return [...new Set((await Promise.all(touched)).flat())]
}

/** `changes`: all of one table, which may be `name`. */
async function nodesNamed(lineage: Lineage, name: string, changes: readonly TableChange[]): Promise<readonly string[]> {
  const source = changes[0]?.source ?? ''
  const table = `table/${source}/${name}`
  const sets = await columnSetsOf(lineage, `columns/${source}/${name}`)
  return [table, ...sets.flatMap((set) => changes.map((change) => rowsTouched(table, set.split(','), change)))]
}

/** These nodes, and everybody who by now reads some rows of those among them that stand for all of a table. */
export async function withReadersOfRows(lineage: Lineage, nodes: readonly string[]): Promise<readonly string[]> {
  const tables = nodes.map((node) => /^table\/([^/]+)\/([^?*]+)$/.exec(node))
  const touched = await Promise.all(
    tables.map((match) => (match ? changedNodes(lineage, { source: match[1] ?? '', table: match[2] ?? '' }) : [])),
  )
  return [...new Set([...nodes, ...touched.flat()])]
}

/**
 * What a statement changed, from its text, its parameters and the rows it gave back. Where it says nothing of the rows:
 * any row of the tables it names. A statement that calls functions of the user's own may have written anything beside,
 * which nobody can know.
 */
export function tableChanges(
  source: string,
  statement: SqlStatement,
  values: Readonly<Record<string, unknown>>,
  rows: readonly Readonly<Record<string, unknown>>[],
): readonly TableChange[] {
  const { writes, assigns: unsure } = cachedUsage(statement)
  // With several tables written it cannot be told whose rows came back.
  const returned = writes.length === 1 && rows.length > 0 ? rows : [{}]
  return writes.flatMap((write) => {
    const said = Object.entries(write.equals).map(([column, parameter]) => [column, values[parameter]] as const)
    return returned.map((row) => changeOf(source, nameOf(write), { ...Object.fromEntries(said), ...row }, unsure))
  })
}

function changeOf(source: string, table: string, row: Readonly<Record<string, unknown>>, unsure: readonly string[]) {
  return Object.keys(row).length === 0 ? { source, table } : { source, table, row, unsure }
}

/** The columns that a statement gives back; `*`: all of them. */
export function returnedColumns(statement: SqlStatement): readonly string[] {
  return cachedUsage(statement).returns
}

function rowsTouched(table: string, columns: readonly string[], change: TableChange): string {
  const row = change.row
  const isKnown = (column: string) =>
    row !== undefined && Object.hasOwn(row, column) && !change.unsure?.includes(column) && hasOneSpelling(row[column])
  if (!(row && columns.every(isKnown))) return `${table}?{${columns.join(',')}}`
  return rowsNode(
    table,
    columns.map((column) => [column, row[column]] as const),
  )
}

// Without a schema a name means whatever the search path finds: both spellings may be the same table.
function sameTable(table: string): readonly string[] {
  const dot = table.indexOf('.')
  return dot === -1 ? [table, `public.${table}`] : [table, table.slice(dot + 1)]
}

function nameOf({ schema, table }: TableName): string {
  return schema === null ? table : `${schema}.${table}`
}

function rowsNode(table: string, equals: readonly (readonly [column: string, value: unknown])[]): string {
  const parts = equals.map(([column, value]) => `${encodeURIComponent(column)}=${encodeURIComponent(valueText(value))}`)
  return `${table}?${parts.join('&')}`
}

/**
 * Whether PostgreSQL prints the value in no other way than it is given here. `1.50` and `1.5` may be equal, and so may two
 * ways to write a moment: rows cannot be told apart by such values.
 */
function hasOneSpelling(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value)
  if (typeof value !== 'string') return value === null || typeof value === 'boolean' || typeof value === 'bigint'
  return !NUMBER_OR_MOMENT.test(value) || INTEGER_OR_DAY.test(value) || UUID.test(value)
}

const NUMBER_OR_MOMENT = /^\s*[-+]?\d[\d.eE+:\-TZ ]*$/
const INTEGER_OR_DAY = /^(?:0|-?[1-9]\d*|\d{4}-\d\d-\d\d)$/
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

// A parameter and a column of a changed row are the same value when they read the same.
function valueText(value: unknown): string {
  if (typeof value === 'string' && UUID.test(value)) return value.toLowerCase()
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' && value !== null ? JSON.stringify(value as JsonValue) : String(value)
}

/** The columns by which somebody picks rows of a table, as far as it was computed once. */
export async function columnsPicked(lineage: Lineage, source: string, table: string): Promise<readonly string[]> {
  const sets = sameTable(table).map((name) => columnSetsOf(lineage, `columns/${source}/${name}`))
  return [...new Set((await Promise.all(sets)).flat().flatMap((set) => set.split(',')))]
}

async function columnSetsOf(lineage: Lineage, node: string): Promise<readonly string[]> {
  const sets: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await lineage.dependents(node, { limit: 500, ...(after === undefined ? {} : { after }) })
    sets.push(...page.keys)
    if (page.next === undefined) return sets
    after = page.next
  }
}

/** Hangs texts below a node, once per process: sets of columns, primers that are read. */
export class KnownNodes {
  readonly #lineage: Lineage
  readonly #registered = new LRUCache<string, true>({ maxSize: 10_000, sizeCalculation: () => 1 })

  constructor(lineage: Lineage) {
    this.#lineage = lineage
  }

  async register(sets: TableNodes['columnSets']): Promise<void> {
    const open = sets.filter(([node, set]) => !this.#registered.has(`${node} ${set}`))
    await Promise.all(open.map(([node, set]) => this.#lineage.addEdges(set, [node])))
    for (const [node, set] of open) this.#registered.set(`${node} ${set}`, true)
  }
}

const usages = new WeakMap<SqlStatement, ReturnType<typeof usageOf>>()

function cachedUsage(statement: SqlStatement): ReturnType<typeof usageOf> {
  const known = usages.get(statement)
  if (known) return known
  const usage = usageOf(statement)
  usages.set(statement, usage)
  return usage
}

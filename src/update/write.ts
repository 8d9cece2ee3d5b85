import type { JsonValue } from '../entry/json.ts'
import { KckError } from '../errors.ts'
import type { TableChange } from '../kck/kck.ts'
import type { Source, SourceTransaction, SqlValues } from '../ports/source.ts'
import type { Change } from '../primer/definition.ts'
import type { UpdaterKey } from '../primer/registry.ts'
import { asObjects } from '../refresh/context.ts'
import { tableChanges } from '../refresh/tables.ts'
import { statementOf } from '../sql/parse.ts'
import type { SqlStatement } from '../sql/statement.ts'
import type { Chosen } from '../updater/body.ts'
import type { UpdateContext } from '../updater/definition.ts'

type Fields = Readonly<Record<string, unknown>>

export interface Written {
  readonly rowCount: number
  /** What `returning` gave back. */
  readonly rows: readonly Readonly<Record<string, JsonValue>>[]
  /** Keys that code named. */
  readonly named: readonly Change[]
  readonly tables: readonly TableChange[]
}

/** The tables that a write will touch, before it is known which rows. Code may touch any, and says so when it is done. */
export function mayWrite(source: string, chosen: Chosen, values: Fields): readonly TableChange[] {
  return chosen.statement ? tableChanges(source, chosen.statement, values, []) : []
}

/** Runs the statement or the code of an updater in one transaction. */
export async function write(
  source: Source,
  target: UpdaterKey,
  request: { readonly body: Fields; readonly chosen: Chosen; readonly signal: AbortSignal },
): Promise<Written> {
  const { signal } = request
  return source.transaction((transaction) => writeIn({ source: source.name, transaction }, target, request), { signal })
}

/** The same in a transaction that is open. */
export async function writeIn(
  { source, transaction }: { readonly source: string; readonly transaction: SourceTransaction },
  target: UpdaterKey,
  request: { readonly body: Fields; readonly chosen: Chosen; readonly signal: AbortSignal },
): Promise<Written> {
  const { updater } = target
  const { body, chosen, signal } = request
  const key = target.parameters ?? {}
  if (updater.run) return runCode(source, transaction, updater.run, { key, body, signal })
  if (!chosen.statement) throw new KckError('METHOD_NOT_ALLOWED', `${updater.name} cannot ${chosen.mode}`)
  const values = { ...body, ...key }
  const result = await transaction.query(chosen.statement, values as SqlValues)
  // The original's updaters answered success here; a caller that means a row deserves to hear that there is none.
  if (chosen.mode === 'update' && result.rowCount === 0) {
    throw new KckError('NOT_FOUND', `${updater.name} found no row to update`)
  }
  const rows = asObjects(result)
  return {
    rowCount: result.rowCount,
    rows,
    named: [],
    tables: tableChanges(source, chosen.statement, values, rows),
  }
}

async function runCode(
  source: string,
  transaction: SourceTransaction,
  run: (context: UpdateContext) => unknown,
  request: { readonly key: Fields; readonly body: Fields; readonly signal: AbortSignal },
): Promise<Written> {
  const named: Change[] = []
  const tables: TableChange[] = []
  let rowCount = 0
  const query = async (statement: SqlStatement, values: SqlValues) => {
    const result = await transaction.query(statement, values)
    const rows = asObjects(result)
    tables.push(...tableChanges(source, statement, values, rows))
    rowCount += result.rowCount
    return rows
  }
  await run({
    ...request,
    sql: async <R>(text: string, values: SqlValues = {}) => (await query(statementOf(text), values)) as R[],
    changed: (change) => named.push(change),
  })
  return { rowCount, rows: [], named, tables }
}

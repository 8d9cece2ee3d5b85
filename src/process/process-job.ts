import { emit } from '../events.ts'
import type { TableChange } from '../kck/kck.ts'
import type { Source, SourceTransaction } from '../ports/source.ts'
import type { WorkItem } from '../ports/work-index.ts'
import { asObjects, chooseSource } from '../refresh/context.ts'
import { changedNodes, tableChanges } from '../refresh/tables.ts'
import { statementOf } from '../sql/parse.ts'
import type { Process, ProcessChange, ProcessContext, ProcessTransaction } from './define-process.ts'
import type { ProcessDeps } from './deps.ts'
import { jobName } from './scheduled-jobs.ts'
import type { Job } from './turn.ts'

/** More changed rows of one table than this count as a change of all of it. */
const ROWS_AT_MOST = 1_000

/** A process of the user's own as a job. */
export function processJob(deps: ProcessDeps, process: Process): Job {
  return {
    name: jobName(process),
    due: process.due,
    overlap: process.overlap,
    run: async ({ due, signal }) => {
      await process.run(contextOf(deps, process, { due, signal }))
    },
  }
}

function contextOf(
  deps: ProcessDeps,
  process: Process,
  run: { readonly due: number; readonly signal: AbortSignal },
): ProcessContext {
  const cause = `process ${process.name}`
  const sourceOf = (name: string | undefined) => chooseSource(deps.sources, name ?? process.source)
  const transaction: ProcessContext['transaction'] = async (work, options = {}) => {
    run.signal.throwIfAborted()
    return inTransaction(deps, sourceOf(options.source), { work, cause, signal: run.signal })
  }
  return {
    ...run,
    now: deps.clock.now(),
    transaction,
    sql: (text, values, options) => transaction(({ sql }) => sql(text, values), options),
    changed: (change) => deps.kck.changed({ tables: tablesOf(sourceOf(change.source).name, change) }, { cause }),
    invalidateTags: (tags) => deps.kck.invalidateTags(tags, { cause }),
  }
}

function tablesOf(source: string, { table, rows }: ProcessChange): readonly TableChange[] {
  return compact(rows === undefined ? [{ source, table }] : rows.map((row) => ({ source, table, row })))
}

interface Transaction<T> {
  readonly work: (transaction: ProcessTransaction) => Promise<T>
  readonly cause: string
  readonly signal: AbortSignal
}

/**
 * Runs SQL in one transaction and announces what it changed. What it changed is written down before the commit, so that
 * a process that dies right after it leaves nobody with old products.
 */
async function inTransaction<T>(deps: ProcessDeps, source: Source, given: Transaction<T>): Promise<T> {
  const { cause, signal } = given
  const written: TableChange[] = []
  const { result, tables, intent } = await source.transaction(
    async (transaction) => {
      const result = await given.work({ sql: recordingSql(source, transaction, written) })
      const tables = compact(written)
      return { result, tables, intent: tables.length > 0 ? await intend(deps, tables, cause) : null }
    },
    { signal },
  )
  if (intent === null) return result
  await deps.kck.changed({ tables }, { cause })
  await deps.store.workIndex.remove([intent]).catch((error: unknown) => {
    emit({ type: 'fault', where: 'crossing out an intent', error })
  })
  return result
}

function recordingSql(source: Source, transaction: SourceTransaction, written: TableChange[]) {
  const sql: ProcessTransaction['sql'] = async <R>(
    text: string,
    values: Parameters<ProcessTransaction['sql']>[1] = {},
  ) => {
    const statement = statementOf(text)
    const rows = asObjects(await transaction.query(statement, values))
    written.push(...tableChanges(source.name, statement, values, rows))
    return rows as R[]
  }
  return sql
}

async function intend(
  { store, clock, entropy }: ProcessDeps,
  tables: readonly TableChange[],
  cause: string,
): Promise<WorkItem> {
  const nodes = await Promise.all(tables.map((table) => changedNodes(store.lineage, table)))
  const id = entropy.id()
  const at = clock.now()
  const payload = JSON.stringify({ id, cause, at, nodes: [...new Set(nodes.flat())], keys: [] })
  const item: WorkItem = { kind: 'intent', id, at, payload }
  await store.workIndex.put([item])
  return item
}

/** The same changes in fewer: all rows of a table instead of very many of them. */
function compact(changes: readonly TableChange[]): readonly TableChange[] {
  const byTable = Map.groupBy(changes, ({ source, table }) => `${source}/${table}`)
  return [...byTable.values()].flatMap((ofTable) => {
    const [first] = ofTable
    const wholeTable = ofTable.length > ROWS_AT_MOST || ofTable.some((change) => change.row === undefined)
    return first && wholeTable ? [{ source: first.source, table: first.table }] : ofTable
  })
}

import { KckError } from '../errors.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Source, SourceTransaction } from '../ports/source.ts'
import type { SqlStatement } from '../sql/statement.ts'
import {
  CREATE_SCHEMA,
  captureFunction,
  createTriggers,
  DROP_SCHEMA,
  dropFunction,
  dropTriggers,
  plain,
  quoted,
  SCHEMA,
} from './sql.ts'
import { findTable, hasSchema, type Table, watchStatus } from './watched.ts'

export interface InstallDeps {
  readonly source: Source
  readonly clock: Clock
  readonly entropy: Entropy
}

export interface InstallOptions {
  /** Columns to write down beside those of keys and indexes, where the table has them. */
  readonly columns?: readonly string[]
  /** Tell who listens. False: they have to look. @default true */
  readonly notify?: boolean
  /** The role that drains, where it is not the one that installs. */
  readonly grantTo?: string
}

/** Columns of one table that are written down. */
const MOST_COLUMNS = 16
/** Milliseconds that a table's writers wait for us at most; then we let them pass and try again. */
const LOCK_MS = 1_000
const TRIES = 20
const BETWEEN_TRIES_MS = 500
/** One installation at a time in a database. Any number that nobody else uses. */
const ADVISORY_LOCK = 7_204_511_920_021

/**
 * Watches tables of a database from now on; doing it again brings the columns up to date. Needs to own the tables (or the
 * right `TRIGGER` on them) and, the first time, `CREATE` on the database. Each table is locked against writers for the
 * moment that creating triggers takes. Throws `NOT_FOUND`, `BAD_REQUEST`, `CONFLICT` when a table is never free, and what
 * the source throws.
 */
export async function watchTables(
  deps: InstallDeps,
  names: readonly string[],
  options: InstallOptions = {},
): Promise<readonly { readonly table: string; readonly columns: readonly string[] }[]> {
  const tables: Table[] = []
  // Nothing is changed when one of them cannot be found.
  for (const name of names) tables.push(await findTable(deps.source, name))
  await inTransaction(deps, async (transaction) => {
    if (!(await hasSchema(transaction))) await runAll(transaction, CREATE_SCHEMA)
    if (options.grantTo !== undefined) await runAll(transaction, grants(options.grantTo))
  })
  const watched = []
  for (const table of tables) watched.push({ table: table.name, columns: await watchOne(deps, table.name, options) })
  return watched
}

async function watchOne(deps: InstallDeps, name: string, options: InstallOptions): Promise<readonly string[]> {
  return inTransaction(deps, async (transaction) => {
    const table = await findTable(transaction, name)
    const columns = chooseColumns(table, options.columns ?? [])
    const named = table.watchedBy ?? `watch_${deps.entropy.id()}`
    await transaction.query(captureFunction(named, columns, { notify: options.notify ?? true }), {})
    if (!table.complete) {
      await runAll(transaction, dropTriggers(table.quoted))
      await runAll(transaction, createTriggers(table.quoted, named))
    }
    return columns.map((column) => column.name)
  })
}

function chooseColumns({ columns, name }: Table, asked: readonly string[]) {
  const missing = asked.find(
    (column) => column.includes('.') && !columns.some((own) => `${name}.${own.name}` === column),
  )
  if (missing !== undefined) throw new KckError('BAD_REQUEST', `There is no column ${missing}`)
  const isAsked = ({ name: own }: { readonly name: string }) => asked.includes(own) || asked.includes(`${name}.${own}`)
  const useful = columns.filter((column) => column.comparable && (column.isKey || isAsked(column)))
  return useful.toSorted((a, b) => Number(isAsked(b)) - Number(isAsked(a))).slice(0, MOST_COLUMNS)
}

/**
 * Stops watching tables; with the last one nothing of ours is left in the database. What is not drained by then is: call
 * `drain` first. Returns the tables that were watched.
 */
export async function unwatchTables(deps: InstallDeps, names: readonly string[]): Promise<readonly string[]> {
  const removed: string[] = []
  for (const name of names) {
    const was = await inTransaction(deps, async (transaction) => {
      const table = await findTable(transaction, name)
      if (table.watchedBy !== null) {
        await runAll(transaction, [...dropTriggers(table.quoted), dropFunction(table.watchedBy)])
      }
      return table.watchedBy === null ? null : table.name
    })
    if (was !== null) removed.push(was)
  }
  return removed
}

/** Removes the outbox when nothing is watched and nothing is waiting any more. */
export async function removeOutbox(deps: InstallDeps): Promise<boolean> {
  const { tables, waiting } = await watchStatus(deps.source)
  if (tables.length > 0 || waiting > 0) return false
  await inTransaction(deps, async (transaction) => {
    if (await hasSchema(transaction)) await runAll(transaction, DROP_SCHEMA)
  })
  return true
}

/** One installation at a time, which gives up and begins anew rather than keep writers waiting. */
async function inTransaction<T>(
  { source, clock }: InstallDeps,
  work: (transaction: SourceTransaction) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await source.transaction(async (transaction) => {
        await transaction.query(plain(`select pg_advisory_xact_lock(${ADVISORY_LOCK})`), {})
        await transaction.query(plain(`set local lock_timeout = ${LOCK_MS}`), {})
        return work(transaction)
      })
    } catch (error) {
      if (!isLockTimeout(error)) throw error
      if (tries === TRIES) throw inUse(error)
      await clock.sleep(BETWEEN_TRIES_MS)
    }
  }
}

function inUse(cause: unknown): KckError {
  return new KckError('CONFLICT', 'The table is in use all the time; try again later', { cause })
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof KckError && error.details['sqlState'] === '55P03'
}

async function runAll(transaction: SourceTransaction, statements: readonly SqlStatement[]): Promise<void> {
  for (const statement of statements) await transaction.query(statement, {})
}

const grants = (role: string) => [
  plain(`grant usage on schema ${SCHEMA} to ${quoted(role)}`),
  plain(`grant select, delete on ${SCHEMA}.outbox to ${quoted(role)}`),
]

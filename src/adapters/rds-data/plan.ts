import type { SqlParameter } from '@aws-sdk/client-rds-data'
import type { SqlValues } from '../../ports/source.ts'
import { tokens } from '../../sql/parser.ts'
import type { SqlStatement } from '../../sql/statement.ts'
import { decoderOf } from '../postgres-common/decode.ts'
import { sqlStateOf } from '../postgres-common/errors.ts'
import { bindAsText, bindAsTyped, kindsOf } from './bind.ts'
import type { DataApiCalls, Limits } from './calls.ts'
import { columnsOf, isExact, type NamedType } from './decode.ts'

/** How a statement is sent so that nothing is lost on the way. */
export interface Plan {
  readonly sql: string
  bind(statement: SqlStatement, values: SqlValues): SqlParameter[]
  /** The columns' own types, where `sql` returns some of them as text. */
  readonly columns: readonly NamedType[] | undefined
}

/**
 * The Data API alone is not exact: its client reads int8 as a rounded number, it refuses nested arrays, and it binds
 * text as text where PostgreSQL wants a uuid, an enum or a list. So each statement is looked at once per process:
 *
 * - a query is described (`limit 0`: nothing is run), and sent with the inexact columns cast to text;
 * - where the values' own types do not fit, and for every write, PostgreSQL is asked for the parameters' types, and
 *   each placeholder is sent as text with a cast.
 *
 * That costs one call for most queries, and six for a write with parameters. What a write returns cannot be described
 * beforehand: there an int8 beyond 2^53 or a nested list is an error that says so.
 */
export class Planner {
  readonly #calls: DataApiCalls
  readonly #plans = new Map<string, Promise<Plan>>()

  constructor(calls: DataApiCalls) {
    this.#calls = calls
  }

  async planFor(statement: SqlStatement, values: SqlValues, limits: Limits): Promise<Plan> {
    const key = `${kindsOf(statement, values)} ${statement.text}`
    const known = this.#plans.get(key)
    // Waiting for another caller's look would tie this one to the other's time limit.
    if (known !== undefined) return known
    const plan = await this.#plan(statement, values, limits)
    this.#plans.set(key, Promise.resolve(plan))
    return plan
  }

  /** The columns of a query, or undefined for what is no query or has an error in it. */
  async describe(sql: string, parameters: SqlParameter[], limits: Limits): Promise<readonly NamedType[] | undefined> {
    return unlessRefused(async () => {
      const answer = await this.#calls.execute(`select * from (\n${bare(sql)}\n) as "kck" limit 0`, parameters, limits)
      return columnsOf(answer.columnMetadata)
    })
  }

  async #plan(statement: SqlStatement, values: SqlValues, limits: Limits): Promise<Plan> {
    const plain: Plan = { sql: statement.text, bind: bindAsTyped, columns: undefined }
    if (isQuery(statement)) {
      const columns = await this.describe(plain.sql, plain.bind(statement, values), limits)
      if (columns) return exact({ ...plain, columns })
    }
    // From here on, an error in the statement itself is left to show when it is really run.
    const types = await this.#parameterTypes(statement, limits)
    if (!types) return plain
    const cast: Plan = { ...plain, sql: withCasts(statement, types), bind: bindAsText }
    if (!isQuery(statement)) return cast
    const columns = await this.describe(cast.sql, cast.bind(statement, values), limits)
    return columns ? exact({ ...cast, columns }) : cast
  }

  /** The types that PostgreSQL infers for `$1`, `$2`, ... */
  async #parameterTypes(statement: SqlStatement, limits: Limits): Promise<readonly string[] | undefined> {
    if (statement.names.length === 0) return undefined
    const name = `kck_${crypto.randomUUID().replaceAll('-', '')}`
    const transactionId = await this.#calls.begin(limits)
    const run = (sql: string) => this.#calls.execute(sql, [], limits, { transactionId })
    try {
      return await unlessRefused(async () => {
        await run(`prepare ${name} as ${statement.positional}`)
        const { records } = await run(
          `select parameter_types::text[]::text from pg_prepared_statements where name = '${name}'`,
        )
        // Prepared statements outlive their transaction.
        await run(`deallocate ${name}`)
        return decoderOf({ name: '_text', element: { name: 'text' } })(
          records?.[0]?.[0]?.stringValue ?? '{}',
        ) as string[]
      })
    } finally {
      await this.#calls.rollback(transactionId, { signal: undefined, timeoutMs: 5000 }).catch(() => {})
    }
  }
}

/** The same query, returning as text whatever the Data API would not return exactly. */
function exact(plan: Plan & { columns: readonly NamedType[] }): Plan {
  if (plan.columns.every(isExact)) return plan
  const names = plan.columns.map((_, index) => `"c${index + 1}"`)
  const outputs = plan.columns.map((column, index) => (isExact(column) ? names[index] : `${names[index]}::text`))
  return { ...plan, sql: `select ${outputs.join(', ')} from (\n${bare(plan.sql)}\n) as "kck" (${names.join(', ')})` }
}

const bare = (sql: string): string => sql.replace(/[\s;]+$/, '')

function isQuery(statement: SqlStatement): boolean {
  const first = tokens(statement.positional)?.find(({ kind, text }) => kind !== 'comment' && text !== '(')
  return first !== undefined && /^(select|with|values|table)$/i.test(first.text)
}

function withCasts({ positional, names }: SqlStatement, types: readonly string[]): string {
  let sql = ''
  let at = 0
  for (const { kind, text, start, end } of tokens(positional) ?? []) {
    if (kind !== 'placeholder') continue
    const index = Number(text.slice(1)) - 1
    sql += `${positional.slice(at, start)}cast(:${names[index]} as ${types[index]})`
    at = end
  }
  return sql + positional.slice(at)
}

/** Undefined when the database refuses a statement; a database that cannot be reached is still an error. */
async function unlessRefused<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (sqlStateOf(error) && (error as { code?: string }).code === 'COMPUTE_FAILED') return undefined
    throw error
  }
}

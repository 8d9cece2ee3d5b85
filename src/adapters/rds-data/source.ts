import type { ExecuteStatementCommandOutput, RDSDataClient } from '@aws-sdk/client-rds-data'
import { KckError } from '../../errors.ts'
import type { Column, QueryOptions, QueryResult, Source, SourceTransaction, SqlValues } from '../../ports/source.ts'
import type { SqlStatement } from '../../sql/statement.ts'
import { abortable } from '../postgres-common/abort.ts'
import { outcomeUnknown } from '../postgres-common/errors.ts'
import { retryTransaction } from '../postgres-common/retry.ts'
import { DataApiCalls, type Limits } from './calls.ts'
import { columnsOf, decodeRecords, type NamedType } from './decode.ts'
import { type Plan, Planner } from './plan.ts'

export interface RdsDataSourceOptions {
  readonly name: string
  readonly resourceArn: string
  readonly secretArn: string
  readonly database: string
  /** Default: as the AWS SDK finds it. */
  readonly region?: string
  /** Default: one of our own, which does not repeat calls by itself. */
  readonly client?: RDSDataClient
  /** Milliseconds for a whole call. Default 30000; the Data API itself ends a statement after 45 s. */
  readonly statementTimeoutMs?: number
}

/**
 * Aurora PostgreSQL through the RDS Data API. The API cannot cancel: an abort or timeout of a single statement releases
 * the caller and leaves the statement to the database, except in a transaction, whose statements the database ends
 * after `timeoutMs`. A paused database is asked again until the signal or the timeout. A transaction that loses against
 * another is run again, so its work must be safe to repeat. Sessions must be in UTC, as Aurora's are by default.
 */
export function createRdsDataSource(options: RdsDataSourceOptions): Source {
  return new RdsDataSource(options)
}

/** For giving up a transaction, when the caller's own limits may be used up. */
const ROLLBACK_LIMITS: Limits = { signal: undefined, timeoutMs: 5000 }

class RdsDataSource implements Source {
  readonly name: string
  readonly #calls: DataApiCalls
  readonly #planner: Planner
  readonly #statementTimeoutMs: number

  constructor({ statementTimeoutMs = 30_000, ...options }: RdsDataSourceOptions) {
    this.name = options.name
    this.#statementTimeoutMs = statementTimeoutMs
    this.#calls = new DataApiCalls(options)
    this.#planner = new Planner(this.#calls)
  }

  async query(statement: SqlStatement, values: SqlValues, options: QueryOptions = {}): Promise<QueryResult> {
    return this.#execute(statement, values, this.#limits(options))
  }

  async transaction<T>(work: (transaction: SourceTransaction) => Promise<T>, options: QueryOptions = {}): Promise<T> {
    const limits = this.#limits(options)
    return retryTransaction(() => this.#transact(work, limits, options.timeoutMs), options.signal)
  }

  async describe(statement: SqlStatement): Promise<readonly Column[]> {
    const limits = this.#limits({})
    const { sql, bind, columns } = await this.#planner.planFor(statement, {}, limits)
    if (columns) return columns.map(toColumn)
    if (/^\s*(insert|update|delete|merge)\b/i.test(sql) && !/\breturning\b/i.test(sql)) return []
    // Not a query, or one with an error: then this tells which.
    const described = await this.#calls.execute(
      `select * from (\n${sql}\n) as "kck" limit 0`,
      bind(statement, {}),
      limits,
    )
    return columnsOf(described.columnMetadata).map(toColumn)
  }

  async ping(options: QueryOptions = {}): Promise<void> {
    await this.#calls.execute('select 1', [], this.#limits(options))
  }

  hindrance(): KckError | null {
    return this.#calls.hindrance()
  }

  async close(): Promise<void> {
    await this.#calls.close()
  }

  async #transact<T>(
    work: (transaction: SourceTransaction) => Promise<T>,
    limits: Limits,
    timeoutMs: number | undefined,
  ): Promise<T> {
    const transactionId = await this.#calls.begin(limits)
    let failure: unknown
    let result: T
    try {
      if (timeoutMs !== undefined) await this.#setTimeout(transactionId, timeoutMs, limits)
      const working = work({
        query: async (statement, values) => {
          try {
            return await this.#execute(statement, values, limits, transactionId)
          } catch (error) {
            failure = error
            throw error
          }
        },
      })
      result = await abortable(working, limits.signal)
      limits.signal?.throwIfAborted()
      // The database has given up the transaction, whatever the work makes of it.
      if (failure) throw failure
    } catch (error) {
      const rolledBack = this.#calls.rollback(transactionId, ROLLBACK_LIMITS).catch(() => {})
      if (!limits.signal?.aborted) await rolledBack
      throw error
    }
    await this.#calls.commit(transactionId, limits).catch((error: unknown) => {
      throw error instanceof KckError && error.code === 'SOURCE_UNAVAILABLE' ? outcomeUnknown(this.name, error) : error
    })
    return result
  }

  async #setTimeout(transactionId: string, timeoutMs: number, limits: Limits): Promise<void> {
    const sql = `select set_config('statement_timeout', '${Math.ceil(timeoutMs)}', true)`
    await this.#calls.execute(sql, [], limits, { transactionId })
  }

  async #execute(
    statement: SqlStatement,
    values: SqlValues,
    limits: Limits,
    transactionId?: string,
  ): Promise<QueryResult> {
    const plan = await this.#planner.planFor(statement, values, limits)
    const more = transactionId ? { transactionId } : {}
    return toResult(await this.#calls.execute(plan.sql, plan.bind(statement, values), limits, more), plan)
  }

  #limits({ signal, timeoutMs = this.#statementTimeoutMs }: QueryOptions): Limits {
    return { signal, timeoutMs }
  }
}

function toResult(answer: ExecuteStatementCommandOutput, plan: Plan): QueryResult {
  const columns = plan.columns ?? columnsOf(answer.columnMetadata)
  const rows = decodeRecords(answer.records, columns)
  return {
    columns: columns.map(toColumn),
    rows,
    rowCount: columns.length > 0 ? rows.length : (answer.numberOfRecordsUpdated ?? 0),
  }
}

const toColumn = ({ name, type }: NamedType): Column => ({ name, type: type.name })

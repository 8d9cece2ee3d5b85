import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type pg from 'pg'
import { KckError } from '../../errors.ts'
import type { Column, QueryOptions, QueryResult, Source, SourceTransaction, SqlValues } from '../../ports/source.ts'
import type { SqlStatement } from '../../sql/statement.ts'
import { decodeRows } from '../postgres-common/decode.ts'
import { encodeText } from '../postgres-common/encode.ts'
import { isStalePlan, outcomeUnknown } from '../postgres-common/errors.ts'
import { retryTransaction } from '../postgres-common/retry.ts'
import { TYPES_BY_OID, TypeCatalog, type TypeLookup } from '../postgres-common/types.ts'
import { Connections, type RawResult } from './connections.ts'
import { describeFields } from './describe.ts'
import { listen } from './listen.ts'

export interface PostgresSourceOptions {
  readonly name: string
  /** `postgresql://user:password@host:port/database`; or the single settings below. */
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  /** A function is asked for each new connection (IAM tokens, rotated secrets). */
  readonly password?: string | (() => string | Promise<string>)
  readonly database?: string
  readonly ssl?: boolean | TlsOptions
  /** Connections. Default 4. */
  readonly poolSize?: number
  /** After which the database ends a statement. Default 30000. */
  readonly statementTimeoutMs?: number
  /** Default 5000. */
  readonly connectTimeoutMs?: number
  /** Has the database refuse every write. Default false. */
  readonly readOnly?: boolean
  /** Keeps statements prepared in their connections. False behind a pooler that shares sessions. Default true. */
  readonly prepare?: boolean
}

/** Statements that are kept prepared, per source; any further ones are planned at each use. */
const PREPARED_STATEMENTS = 500

/**
 * A PostgreSQL server over its own protocol. Nothing connects before the first use. An abort releases the caller at
 * once and cancels on the server; a transaction that loses against another (serialization, deadlock) is run again, so
 * its work must be safe to repeat; a connection lost while committing gives `details.outcome: 'unknown'`.
 */
export function createPostgresSource(options: PostgresSourceOptions): Source {
  return new PostgresSource(options)
}

class PostgresSource implements Source {
  readonly name: string
  readonly #connections: Connections
  readonly #client: pg.ClientConfig
  readonly #statementTimeoutMs: number
  readonly #catalog = new TypeCatalog()
  readonly #prepared: PreparedNames | undefined

  constructor(options: PostgresSourceOptions) {
    const {
      name,
      poolSize = 4,
      statementTimeoutMs = 30_000,
      connectTimeoutMs = 5000,
      readOnly = false,
      prepare = true,
      ...client
    } = options
    this.name = name
    this.#statementTimeoutMs = statementTimeoutMs
    this.#client = { ...client, connectionTimeoutMillis: connectTimeoutMs }
    this.#prepared = prepare ? new PreparedNames() : undefined
    this.#connections = new Connections({ name, client, poolSize, statementTimeoutMs, connectTimeoutMs, readOnly })
  }

  async query(statement: SqlStatement, values: SqlValues, options: QueryOptions = {}): Promise<QueryResult> {
    const timeoutMs = options.timeoutMs ?? this.#statementTimeoutMs
    const once = () =>
      this.#connections.use(options, async (client) => {
        await this.#connections.setTimeout(client, timeoutMs)
        return this.#execute(client, statement, values, timeoutMs)
      })
    try {
      return await once()
    } catch (error) {
      // The database did not run it: its plan was from before a schema change.
      if (!this.#prepared?.forgetIfStale(statement.positional, error)) throw error
      return once()
    }
  }

  async transaction<T>(work: (transaction: SourceTransaction) => Promise<T>, options: QueryOptions = {}): Promise<T> {
    const { signal, timeoutMs = this.#statementTimeoutMs } = options
    return retryTransaction(
      () => this.#connections.use(options, (client) => this.#transact(client, work, { signal, timeoutMs })),
      signal,
    )
  }

  async describe(statement: SqlStatement): Promise<readonly Column[]> {
    return this.#connections.use({}, async (client) => {
      const fields = await this.#connections.watch(client, describeFields(client, statement.positional))
      return this.#columns(client, fields)
    })
  }

  async ping(options: QueryOptions = {}): Promise<void> {
    await this.#connections.use(options, (client) => this.#connections.run(client, 'select 1', options.timeoutMs))
  }

  async listen(channel: string, onNotify: () => void, signal: AbortSignal): Promise<void> {
    await listen({ name: this.name, client: this.#client }, { channel, onNotify }, signal)
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }

  async #transact<T>(
    client: pg.PoolClient,
    work: (transaction: SourceTransaction) => Promise<T>,
    { signal, timeoutMs }: { signal: AbortSignal | undefined; timeoutMs: number },
  ): Promise<T> {
    const run = (text: string) => this.#connections.run(client, text, timeoutMs)
    let failure: unknown
    await run(`begin read write; set local statement_timeout = ${Math.ceil(timeoutMs)}`)
    const transaction: SourceTransaction = {
      query: async (statement, values) => {
        signal?.throwIfAborted()
        try {
          return await this.#execute(client, statement, values, timeoutMs)
        } catch (error) {
          this.#prepared?.forgetIfStale(statement.positional, error)
          failure = error
          throw error
        }
      },
    }
    let result: T
    try {
      result = await work(transaction)
    } catch (error) {
      if (!signal?.aborted) await run('rollback').catch(() => {})
      throw error
    }
    signal?.throwIfAborted()
    const { command } = await run('commit').catch((error: unknown) => {
      throw error instanceof KckError && error.code === 'SOURCE_UNAVAILABLE' ? outcomeUnknown(this.name, error) : error
    })
    // PostgreSQL answers a commit with a rollback when a statement failed, also if the work has ignored that.
    if (command === 'ROLLBACK') throw failure ?? new KckError('COMPUTE_FAILED', 'The transaction was rolled back')
    return result
  }

  async #execute(
    client: pg.ClientBase,
    statement: SqlStatement,
    values: SqlValues,
    timeoutMs: number,
  ): Promise<QueryResult> {
    const name = this.#prepared?.nameOf(statement.positional)
    const raw = await this.#connections.run(
      client,
      {
        text: statement.positional,
        values: statement.names.map((parameter) => encodeText(values[parameter], statement.types[parameter])),
        rowMode: 'array',
        ...(name ? { name } : {}),
      },
      timeoutMs,
    )
    return this.#result(client, raw)
  }

  async #result(client: pg.ClientBase, raw: RawResult): Promise<QueryResult> {
    const types = await this.#catalog.resolve(
      raw.fields.map((field) => field.dataTypeID),
      this.#lookup(client),
    )
    return {
      columns: raw.fields.map((field, column) => ({ name: field.name, type: types[column]?.name ?? 'unknown' })),
      rows: decodeRows(raw.rows, types),
      rowCount: raw.rowCount ?? raw.rows.length,
    }
  }

  async #columns(client: pg.ClientBase, fields: RawResult['fields']): Promise<readonly Column[]> {
    return (await this.#result(client, { fields, rows: [], rowCount: 0, command: '' })).columns
  }

  #lookup(client: pg.ClientBase): TypeLookup {
    return async (oids) =>
      (await this.#connections.run(client, { text: TYPES_BY_OID, values: [`{${oids}}`], rowMode: 'array' })).rows
  }
}

/** The names under which statements are prepared, the same in every connection. */
class PreparedNames {
  readonly #names = new Map<string, string>()
  #count = 0

  nameOf(text: string): string | undefined {
    const known = this.#names.get(text)
    if (known || this.#names.size >= PREPARED_STATEMENTS) return known
    const name = `kck_${++this.#count}`
    this.#names.set(text, name)
    return name
  }

  /** After a statement whose prepared form was stale, the next use prepares it anew. */
  forgetIfStale(text: string, error: unknown): boolean {
    const stale = isStalePlan(error)
    if (stale) this.#names.delete(text)
    return stale
  }
}

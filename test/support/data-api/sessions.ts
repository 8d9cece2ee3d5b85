import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { badRequest, DataApiException, fromPostgres } from './exceptions.ts'
import type { BoundStatement } from './parameters.ts'
import type { TypeName } from './records.ts'

export interface SessionOptions {
  readonly connectionString: string
  readonly statementTimeoutMs: number
  readonly transactionIdleMs: number
}

/** Which database, and as whom. */
export interface Place {
  readonly database?: string | undefined
  /** Default: that of the connection string. */
  readonly user?: string | undefined
}

export type Answer = pg.QueryArrayResult<(string | null)[]>

interface OpenTransaction {
  readonly client: pg.PoolClient
  expiry: NodeJS.Timeout
}

const rawText = (text: string) => text

/** Connections to the database behind, and the transactions that are open on them. */
export class Sessions {
  readonly #options: SessionOptions
  readonly #pools = new Map<string, pg.Pool>()
  readonly #transactions = new Map<string, OpenTransaction>()
  readonly #types = new Map<number, TypeName>()

  constructor(options: SessionOptions) {
    this.#options = options
  }

  async use<T>(
    place: Place,
    transactionId: string | undefined,
    work: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    if (transactionId) {
      const open = this.#transaction(transactionId)
      clearTimeout(open.expiry)
      try {
        return await work(open.client)
      } finally {
        open.expiry = this.#expire(transactionId)
      }
    }
    const client = await this.#connect(place)
    try {
      return await work(client)
    } finally {
      client.release()
    }
  }

  async begin(place: Place): Promise<string> {
    const client = await this.#connect(place)
    await client.query('begin')
    const id = randomBytes(24).toString('base64')
    this.#transactions.set(id, { client, expiry: this.#expire(id) })
    return id
  }

  async end(id: string, how: 'commit' | 'rollback'): Promise<void> {
    const { client, expiry } = this.#transaction(id)
    clearTimeout(expiry)
    this.#transactions.delete(id)
    try {
      await client.query(how)
      client.release()
    } catch (error) {
      client.release(true)
      throw fromPostgres(error)
    }
  }

  /** Runs one statement and returns text in every column. */
  async run(client: pg.PoolClient, { text, values, oids }: BoundStatement): Promise<Answer> {
    // pg reads the parameters' types and the result's parsers from the same property.
    const types = Object.assign([...oids], { getTypeParser: () => rawText })
    try {
      return await client.query({ text, values, types, rowMode: 'array' } as unknown as pg.QueryArrayConfig)
    } catch (error) {
      throw fromPostgres(error)
    }
  }

  async typesOf(client: pg.PoolClient, fields: readonly pg.FieldDef[]): Promise<TypeName[]> {
    const unknown = fields.map(({ dataTypeID }) => dataTypeID).filter((oid) => !this.#types.has(oid))
    if (unknown.length > 0) {
      const { rows } = await client.query<{ oid: number; name: string; element: string | null }>(
        `select t.oid::int, t.typname as name, e.typname as element
         from pg_type t left join pg_type e on e.typarray = t.oid where t.oid = any($1::oid[])`,
        [unknown],
      )
      for (const { oid, name, element } of rows) this.#types.set(oid, { name, element })
    }
    return fields.map(({ dataTypeID }) => this.#types.get(dataTypeID) ?? { name: 'unknown', element: null })
  }

  async close(): Promise<void> {
    for (const { client, expiry } of this.#transactions.values()) {
      clearTimeout(expiry)
      client.release(true)
    }
    this.#transactions.clear()
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()))
  }

  #transaction(id: string): OpenTransaction {
    const open = this.#transactions.get(id)
    if (!open) throw new DataApiException('TransactionNotFoundException', `Transaction ${id} is not found`)
    return open
  }

  #expire(id: string): NodeJS.Timeout {
    return setTimeout(() => void this.end(id, 'rollback').catch(() => {}), this.#options.transactionIdleMs).unref()
  }

  async #connect({ database = '', user = '' }: Place): Promise<pg.PoolClient> {
    const name = `${user}@${database}`
    let pool = this.#pools.get(name)
    if (!pool) {
      const url = new URL(this.#options.connectionString)
      if (database !== '') url.pathname = `/${database}`
      if (user !== '') url.username = user
      pool = new pg.Pool({
        connectionString: url.href,
        max: 60,
        connectionTimeoutMillis: 5000,
        options: `-c timezone=UTC -c statement_timeout=${this.#options.statementTimeoutMs}`,
      })
      pool.on('error', () => {})
      pool.on('connect', (client) => client.on('error', () => {}))
      this.#pools.set(name, pool)
    }
    try {
      return await pool.connect()
    } catch (error) {
      if ((error as { code?: string }).code === '3D000') throw badRequest(`Database ${database} does not exist`)
      throw fromPostgres(error)
    }
  }
}

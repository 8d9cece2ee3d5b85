import pg from 'pg'
import type { QueryOptions } from '../../ports/source.ts'
import { abortable, within } from '../postgres-common/abort.ts'
import { sqlStateError, sqlStateOf, unavailable } from '../postgres-common/errors.ts'

export interface ConnectionsOptions {
  readonly name: string
  readonly client: pg.ClientConfig
  readonly poolSize: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly readOnly: boolean
}

type Call = Pick<QueryOptions, 'signal' | 'onEnded'>

export interface RawResult {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly rowCount: number | null
  readonly command: string
}

/** How much later than its time limit an answer may come before the database counts as gone. */
const SILENCE_MS = 1000

const rawText: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text }

/**
 * A pool of connections whose sessions print every type in one known form. A connection whose call was aborted, or
 * that failed in any way but a refused statement, is never used again.
 */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #pool: pg.Pool
  /** The session's `statement_timeout`. */
  readonly #timeouts = new WeakMap<pg.ClientBase, number>()
  readonly #broken = new WeakSet<pg.ClientBase>()
  readonly #cancelling = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(options: ConnectionsOptions) {
    this.#options = options
    const { connectTimeoutMs } = options
    this.#pool = new pg.Pool({
      ...options.client,
      max: options.poolSize,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: 'kck',
      types: rawText,
      // The limit is for connecting; in the pool's own sense it would also end the wait for a free connection, which
      // ends with the caller's signal.
      Client: class extends pg.Client {
        constructor(config?: pg.ClientConfig) {
          super({ ...config, connectionTimeoutMillis: connectTimeoutMs })
        }
      },
      onConnect: (client: pg.ClientBase) => this.#setUp(client),
    } as pg.PoolConfig)
    // Without listeners, a connection that dies between two statements would end the process.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  /** Gives `work` a connection of its own. An abort gives the caller its reason at once and cancels behind it. */
  async use<T>(call: Call, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const { signal, onEnded } = call
    const client = await this.#acquire(signal).catch((error: unknown) => {
      onEnded?.()
      throw error
    })
    const working = work(client)
    try {
      const result = await abortable(working, signal)
      client.release(this.#broken.has(client))
      return result
    } catch (error) {
      if (signal?.aborted) this.#cancel(client, { working, onEnded })
      else client.release(this.#broken.has(client))
      throw signal?.aborted ? signal.reason : error
    }
  }

  /** Runs a statement, with rows as lists of text. */
  async run(client: pg.ClientBase, query: string | pg.QueryArrayConfig, limitMs?: number): Promise<RawResult> {
    return this.watch(client, client.query(query as pg.QueryArrayConfig) as unknown as Promise<RawResult>, limitMs)
  }

  /** Has the database itself end this session's statements after `timeoutMs`. */
  async setTimeout(client: pg.ClientBase, timeoutMs: number): Promise<void> {
    if (this.#timeouts.get(client) === timeoutMs) return
    await this.run(client, `set statement_timeout = ${Math.ceil(timeoutMs)}`)
    this.#timeouts.set(client, timeoutMs)
  }

  /** The answer, with errors in our own terms, and one of ours when the database says nothing at all. */
  async watch<T>(
    client: pg.ClientBase,
    answer: Promise<T>,
    limitMs: number = this.#options.statementTimeoutMs,
  ): Promise<T> {
    try {
      return await within(answer, limitMs + SILENCE_MS, () => new Error('The database does not answer'))
    } catch (error) {
      const translated = this.#translate(error)
      if (translated.code === 'SOURCE_UNAVAILABLE') this.#broken.add(client)
      throw translated
    }
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#cancelling)
      await within(this.#pool.end(), SILENCE_MS, () => new Error('The database does not answer')).catch(() => {})
    })()
    return this.#closing
  }

  async #acquire(signal: AbortSignal | undefined): Promise<pg.PoolClient> {
    signal?.throwIfAborted()
    if (this.#closing !== undefined) throw unavailable(this.#options.name, new Error('The source is closed'))
    const connecting = this.#pool.connect()
    try {
      return await abortable(connecting, signal)
    } catch (error) {
      if (!signal?.aborted) throw this.#translate(error)
      connecting.then((client) => client.release()).catch(() => {})
      throw signal.reason
    }
  }

  async #setUp(client: pg.ClientBase): Promise<void> {
    const { statementTimeoutMs, connectTimeoutMs, readOnly } = this.#options
    const settings = [
      `set timezone = 'UTC'`,
      `set datestyle = 'ISO, YMD'`,
      `set intervalstyle = 'postgres'`,
      `set bytea_output = 'hex'`,
      `set extra_float_digits = 1`,
      `set statement_timeout = ${Math.ceil(statementTimeoutMs)}`,
      ...(readOnly ? ['set default_transaction_read_only = on'] : []),
      // Where the setting exists (14 and later): a statement ends when its client is gone.
      `select set_config(name, '2s', false) from pg_settings where name = 'client_connection_check_interval'`,
    ]
    await this.run(client, settings.join(';'), connectTimeoutMs)
    this.#timeouts.set(client, statementTimeoutMs)
  }

  /** Stops what the connection is doing, by way of another connection, and drops both. */
  #cancel(client: pg.PoolClient, { working, onEnded }: { working: Promise<unknown>; onEnded: Call['onEnded'] }): void {
    const { processID } = client as pg.PoolClient & { processID?: number }
    const canceller = new pg.Client({
      ...this.#options.client,
      application_name: 'kck cancel',
      connectionTimeoutMillis: this.#options.connectTimeoutMs,
    })
    canceller.on('error', () => {})
    const cancelling: Promise<void> = canceller
      .connect()
      .then(() => within(canceller.query('select pg_cancel_backend($1)', [processID]), SILENCE_MS, Error))
      // The signal was sent; the statement has ended when it is answered.
      .then(() => within(working.then(ignore, ignore), SILENCE_MS, Error))
      .then(onEnded)
      // A database that cannot be told notices when it next looks at the closed connection.
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#cancelling.delete(cancelling)
        dropSocket(canceller)
        client.release(true)
        dropSocket(client)
      })
    this.#cancelling.add(cancelling)
  }

  #translate(error: unknown) {
    const { name } = this.#options
    const sqlState = sqlStateOf(error)
    return sqlState ? sqlStateError(name, sqlState, error) : unavailable(name, error)
  }
}

function ignore(): void {
  // It was aborted: nobody asks for its result.
}

/** Closes without the farewell that a silent database would never answer. */
function dropSocket(client: pg.ClientBase): void {
  const { connection } = client as pg.ClientBase & { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type pg from 'pg'
import { KckError } from '../../errors.ts'
import type { CallOptions } from '../../ports/entry-store.ts'
import type { LogPage, LogState, NewUpdate, UpdateLog } from '../../ports/update-log.ts'
import { sqlStateOf } from '../postgres-common/errors.ts'
import { Connections } from './connections.ts'
import type { PostgresSourceOptions } from './source.ts'

export interface PostgresLogOptions
  extends Pick<
    PostgresSourceOptions,
    'connectionString' | 'host' | 'port' | 'user' | 'password' | 'database' | 'ssl' | 'poolSize' | 'connectTimeoutMs'
  > {
  /** Several datasets have their logs in the same two tables. */
  readonly dataset: string
  /** After which the database ends a statement. Default 5000. */
  readonly statementTimeoutMs?: number
}

const SCHEMA = `
select pg_advisory_xact_lock(7201534086245);
create table if not exists kck_replica_log (
  dataset text primary key, log_id text not null, head bigint not null, floor bigint not null, recent text[] not null);
create table if not exists kck_replica_update (
  dataset text not null, id bigint not null, single_key bytea, contents bytea not null, primary key (dataset, id));
create unique index if not exists kck_replica_update_single_key
  on kck_replica_update (dataset, single_key) where single_key is not null`

const NEW_LOG = `
insert into kck_replica_log (dataset, log_id, head, floor, recent) values ($1, $2, 0, 0, '{}') on conflict do nothing`

/** Operations that are remembered, so that an append that went unanswered can be told from one that did not happen. */
const REMEMBERED = 32

/**
 * The row of the log is locked from here to the end of the transaction, so ids are committed in their order. The update
 * of a key takes the place of the one before it.
 */
const APPEND = `
with log as (
  update kck_replica_log set head = head + 1, recent = ($4::text || recent)[1:${REMEMBERED}]
  where dataset = $1 and $4::text <> all (recent)
  returning head)
insert into kck_replica_update (dataset, id, single_key, contents) select $1, head, $2, $3 from log
on conflict (dataset, single_key) where single_key is not null
do update set id = excluded.id, contents = excluded.contents
returning id`

const APPENDED = `
select head - array_position(recent, $2::text) + 1 from kck_replica_log where dataset = $1`

const STATE = 'select log_id, head, floor from kck_replica_log where dataset = $1'

const ROWS_AT_ONCE = 1000

/** One statement sees one state of the database. The first update comes whatever its size. */
const READ = `
select log.log_id, log.head, log.floor, page.id, page.contents, page.last
from kck_replica_log log left join lateral (
  select id, contents, max(id) over () as last, row_number() over (order by id) as nth,
    sum(octet_length(contents)) over (order by id) as bytes
  from (select id, contents from kck_replica_update
    where dataset = $1 and id > $2 order by id limit ${ROWS_AT_ONCE}) batch
) page on page.nth = 1 or page.bytes <= $3
where log.dataset = $1 order by page.id`

const RAISE_FLOOR = 'update kck_replica_log set floor = greatest(floor, least($2, head)) where dataset = $1'

const REMOVED_AT_ONCE = 500
const REMOVE = `
delete from kck_replica_update where dataset = $1 and id in (
  select id from kck_replica_update where dataset = $1 and id <= $2 order by id limit ${REMOVED_AT_ONCE})`

const ATTEMPTS = 3
const PAUSE_MS = 100

interface Call {
  readonly signal?: AbortSignal | undefined
  /** Set as soon as a statement may have reached the database. */
  readonly sent?: { inDoubt: boolean }
}

type Value = string | number | Buffer | null
type Row = readonly (string | null)[]

/** The log in two tables of a PostgreSQL database. */
export class PostgresUpdateLog implements UpdateLog {
  readonly #options: PostgresLogOptions
  #connections: Connections | null = null

  constructor(options: PostgresLogOptions) {
    this.#options = options
  }

  append(update: NewUpdate, { signal }: CallOptions = {}): Promise<number> {
    const call = { signal, sent: { inDoubt: false } }
    const attempt = async (number: number): Promise<number> => {
      try {
        return await this.#append(update, call)
      } catch (error) {
        signal?.throwIfAborted()
        if (!call.sent.inDoubt || !isGone(error)) throw error
        if (number === ATTEMPTS) throw unavailable(error, { outcome: 'unknown' })
        await setTimeout(number * PAUSE_MS)
        return attempt(number + 1)
      }
    }
    return attempt(1)
  }

  async read(after: number, limit: { readonly bytes: number }, { signal }: CallOptions = {}): Promise<LogPage> {
    const bytes = Math.min(limit.bytes, Number.MAX_SAFE_INTEGER)
    const rows = await this.#run(READ, [this.#options.dataset, after, bytes], { signal })
    const state = stateOf(rows[0])
    const updates = rows.flatMap(([, , , id, contents]) =>
      id && contents ? [{ id: Number(id), contents: Buffer.from(contents.slice(2), 'hex') }] : [],
    )
    const last = updates.at(-1)?.id
    const isWhole = updates.length < ROWS_AT_ONCE && (last === undefined || last === Number(rows[0]?.[5]))
    return { ...state, updates, through: isWhole || last === undefined ? Math.max(after, state.head) : last }
  }

  async state({ signal }: CallOptions = {}): Promise<LogState> {
    const [row] = await this.#run(STATE, [this.#options.dataset], { signal })
    return stateOf(row)
  }

  async raiseFloor(id: number, { signal }: CallOptions = {}): Promise<void> {
    await this.#run(RAISE_FLOOR, [this.#options.dataset, id], { signal })
  }

  async remove(id: number, { signal }: CallOptions = {}): Promise<void> {
    const { floor } = await this.state(signal && { signal })
    if (id > floor) {
      throw new KckError('BAD_REQUEST', 'Updates above the floor of the log cannot be removed: raise the floor first')
    }
    let removed = REMOVED_AT_ONCE
    while (removed === REMOVED_AT_ONCE) {
      removed = await this.#use(signal, async (connections, client) => {
        const values = [this.#options.dataset, id]
        return (await connections.run(client, { text: REMOVE, values, rowMode: 'array' })).rowCount ?? 0
      })
    }
  }

  async createSchema(): Promise<void> {
    // Several statements in one message are one transaction.
    await this.#use(undefined, (connections, client) => connections.run(client, SCHEMA))
    await this.#run(NEW_LOG, [this.#options.dataset, randomBytes(12).toString('base64url')], {})
  }

  async close(): Promise<void> {
    const connections = this.#connections
    this.#connections = null
    await connections?.close()
  }

  /** May be repeated: what has happened is recognised by its operation. */
  async #append({ contents, key, operation }: NewUpdate, call: Call): Promise<number> {
    const { dataset } = this.#options
    const [row] = await this.#run(APPEND, [dataset, key && bufferOf(key), bufferOf(contents), operation], call)
    const [appended] = row ? [row] : await this.#run(APPENDED, [dataset, operation], call)
    if (!appended?.[0]) throw noLog()
    return Number(appended[0])
  }

  #open(): Connections {
    const { dataset: _, poolSize = 4, connectTimeoutMs = 5_000, statementTimeoutMs = 5_000, ...rest } = this.#options
    this.#connections ??= new Connections({
      name: 'replica log',
      client: rest as pg.ClientConfig,
      poolSize,
      connectTimeoutMs,
      statementTimeoutMs,
      readOnly: false,
    })
    return this.#connections
  }

  #run(text: string, values: readonly Value[], call: Call): Promise<readonly Row[]> {
    return this.#use(call.signal, async (connections, client) => {
      if (call.sent) call.sent.inDoubt = true
      return (await connections.run(client, { text, values: [...values], rowMode: 'array' })).rows
    })
  }

  async #use<T>(
    signal: AbortSignal | undefined,
    work: (connections: Connections, client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    const connections = this.#open()
    try {
      return await connections.use(signal ? { signal } : {}, (client) => work(connections, client))
    } catch (error) {
      signal?.throwIfAborted()
      throw unavailable(error)
    }
  }
}

function stateOf(row: Row | undefined): LogState {
  if (!row?.[0]) throw noLog()
  return { logId: row[0], head: Number(row[1]), floor: Number(row[2]) }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The connection was lost, or nothing was heard: the statement may have been executed. */
function isGone(error: unknown): boolean {
  const state = sqlStateOf((error as Error | null)?.cause)
  return state === undefined || /^(08|57)/.test(state)
}

function noLog(): KckError {
  return new KckError('STORE_UNAVAILABLE', 'The log of updates is not there yet: create its schema')
}

function unavailable(error: unknown, details: Readonly<Record<string, unknown>> = {}): KckError {
  if (error instanceof KckError && error.code === 'STORE_UNAVAILABLE' && Object.keys(details).length === 0) return error
  if (sqlStateOf(error) === '42P01') return noLog()
  return new KckError('STORE_UNAVAILABLE', 'The log of updates cannot be reached; try again shortly', {
    cause: error,
    details,
    retryAfterMs: 1_000,
  })
}

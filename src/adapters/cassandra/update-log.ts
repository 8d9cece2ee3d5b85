import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import type { CallOptions } from '../../ports/entry-store.ts'
import type { LogPage, LogState, LogUpdate, NewUpdate, UpdateLog } from '../../ports/update-log.ts'
import { Connection } from './connection.ts'
import { storeUnavailable } from './errors.ts'
import type { CassandraOptions } from './options.ts'
import { createSchema } from './schema.ts'
import { LOG_TABLES, logStatements } from './update-log-tables.ts'
import { bucketOf, endOf, type StoredUpdate, storedUpdate, UpdateRows } from './update-rows.ts'
import { pause } from './within.ts'

export interface CassandraLogOptions extends CassandraOptions {
  /** Several datasets have their logs in the same tables. */
  readonly dataset: string
}

interface Head extends LogState {
  /** The newest operations, the last one first: that of update `head - index`. */
  readonly recent: readonly string[]
  /** The newest update; null: there has been none. */
  readonly update: StoredUpdate | null
}

/** Operations that are remembered, so that a write that went unanswered can be told from one that did not happen. */
const REMEMBERED = 16
const ROWS_AT_ONCE = 100
/** Partitions without an update, in a row, that one call reads. */
const BUCKETS_AT_ONCE = 64
const LOST_RACES = 200
const LONGEST_PAUSE_MS = 40

/**
 * The log in Apache Cassandra or Amazon Keyspaces. One row holds the newest update; a conditional write puts the next
 * one in its place, which is what gives it its id. Before that the former is written to the table of all updates (by
 * whoever comes next, its writer may be dead). So whoever sees update n finds every one below it.
 */
export class CassandraUpdateLog implements UpdateLog {
  readonly #options: CassandraLogOptions
  readonly #cql: ReturnType<typeof logStatements>
  #connection: Connection | null = null
  /** What this process wrote last, while nobody else has written. */
  #head: Head | null = null
  /** The newest update that is known to be in its row. */
  #settled = 0
  /** Appends of this process stand in line: against each other they would only lose races. */
  #line: Promise<unknown> = Promise.resolve()

  constructor(options: CassandraLogOptions) {
    this.#options = options
    this.#cql = logStatements(options.keyspace)
  }

  async append(update: NewUpdate, { signal }: CallOptions = {}): Promise<number> {
    const call = signal ? { signal } : {}
    const contents = Buffer.from(update.contents)
    signal?.throwIfAborted()
    const chunks = await this.#rows().putChunks(update.operation, contents, call)
    const next = {
      operation: update.operation,
      key: update.key && Buffer.from(update.key),
      contents: chunks === 0 ? contents : null,
      chunks,
    }
    const turn = this.#line.then(() => this.#append(next, call))
    this.#line = turn.catch(() => undefined)
    return await turn
  }

  async read(after: number, limit: { readonly bytes: number }, { signal }: CallOptions = {}): Promise<LogPage> {
    const call = signal ? { signal } : {}
    const state = await this.state(call)
    if (state.head <= after) return { ...state, updates: [], through: after }
    const head = await this.#readHead(call)
    const { stored, through } = await this.#stored(head, after, call)
    const updates: LogUpdate[] = []
    let bytes = 0
    const { logId } = head
    for (const update of stored) {
      const contents = await this.#rows().contentsOf(update, call)
      if (contents === null) continue
      bytes += contents.length
      if (updates.length > 0 && bytes > limit.bytes) {
        const { floor } = await this.state(call)
        return { logId, head: head.head, floor, updates, through: update.id - 1 }
      }
      updates.push({ id: update.id, contents })
    }
    // Asked last: what was removed meanwhile was below this floor.
    const { floor } = await this.state(call)
    return { logId, head: head.head, floor, updates, through }
  }

  async state({ signal }: CallOptions = {}): Promise<LogState> {
    const { logId, head, floor } = await this.#readState(signal)
    return { logId, head, floor }
  }

  async raiseFloor(id: number, { signal }: CallOptions = {}): Promise<void> {
    for (;;) {
      const { head, floor } = await this.state(signal && { signal })
      const target = Math.min(id, head)
      if (target <= floor) return
      const values = [BigInt(target), this.#options.dataset, BigInt(floor)]
      if ((await this.#open().writeIf({ cql: this.#cql.raiseFloor, values }, signal)).applied) return
    }
  }

  async remove(id: number, { signal }: CallOptions = {}): Promise<void> {
    const call = signal ? { signal } : {}
    const { floor, swept } = await this.#readState(signal)
    if (id > floor) {
      throw new KckError('BAD_REQUEST', 'Updates above the floor of the log cannot be removed: raise the floor first')
    }
    for (let bucket = swept; bucket <= bucketOf(id); bucket++) await this.#rows().removeBucket(bucket, id, call)
    if (bucketOf(id) <= swept) return
    const values = [BigInt(bucketOf(id)), this.#options.dataset, BigInt(swept)]
    await this.#open().writeIf({ cql: this.#cql.noteSwept, values }, signal)
  }

  async createSchema(): Promise<void> {
    // Asked by everybody who starts, and there from the first one on.
    if (await this.state().then(Boolean, () => false)) return
    await createSchema(this.#open(), this.#options, LOG_TABLES)
    const values = [this.#options.dataset, this.#options.entropy.id()]
    await this.#open().writeIf({ cql: this.#cql.create, values })
  }

  async close(): Promise<void> {
    await this.#line
    const connection = this.#connection
    this.#connection = null
    await connection?.close()
  }

  async #append(next: Omit<StoredUpdate, 'id'>, call: CallOptions): Promise<number> {
    for (let attempt = 0; attempt < LOST_RACES; attempt++) {
      call.signal?.throwIfAborted()
      const head = this.#head ?? (await this.#readHead(call))
      await this.#settle(head, call)
      const id = await this.#replaceHead(head, next, call)
      if (id !== null) return id
      this.#head = null
      await pause(this.#options.entropy.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt))
    }
    throw storeUnavailable(new Error('Other writers were always faster'))
  }

  /** Null: another writer was faster. */
  async #replaceHead(head: Head, next: Omit<StoredUpdate, 'id'>, call: CallOptions): Promise<number | null> {
    const update = { ...next, id: head.head + 1 }
    const { operation, key, contents, chunks } = next
    const recent = [operation, ...head.recent].slice(0, REMEMBERED)
    const columns = [BigInt(update.id), JSON.stringify(recent), operation, key, contents, chunks]
    const values = [...columns, this.#options.dataset, BigInt(head.head)]
    this.#head = null
    const result = await this.#open()
      .writeIf({ cql: this.#cql.append, values }, call.signal)
      .catch((error: unknown) => {
        call.signal?.throwIfAborted()
        throw inDoubt(error)
      })
    if (!result.applied) return result.repeated ? await this.#appended(operation, update.id, call) : null
    this.#head = { ...head, head: update.id, recent, update }
    await this.#settle(this.#head, {}).catch((error: unknown) => {
      // It is in the log; the next writer settles it.
      this.#head = null
      emit({ type: 'fault', where: 'cassandra update log', code: 'STORE_UNAVAILABLE', error })
    })
    return update.id
  }

  /** The id of an operation whose write was refused after an attempt without an answer; null: it was never applied. */
  async #appended(operation: string, id: number, call: CallOptions): Promise<number | null> {
    const { head, recent } = await this.#readHead(call)
    const index = recent.indexOf(operation)
    if (index >= 0) return head - index
    if (head - id < REMEMBERED) return null
    throw inDoubt(new Error('So many others have written that it cannot be found out any more'))
  }

  /** Has the newest update in the table of all updates. */
  async #settle({ head, floor, update }: Head, call: CallOptions): Promise<void> {
    if (update === null || head <= this.#settled || head <= floor) return
    await this.#rows().settle(update, call)
    this.#settled = head
  }

  /** Updates behind `after` in order, and up to which id those are all. */
  async #stored(head: Head, after: number, { signal }: CallOptions) {
    const stored: StoredUpdate[] = []
    const first = bucketOf(after + 1)
    const last = Math.min(bucketOf(head.head), first + BUCKETS_AT_ONCE)
    for (let bucket = first; bucket <= last; bucket++) {
      const rows = await this.#rows().readBucket(bucket, after, ROWS_AT_ONCE, signal)
      stored.push(...rows.filter(({ id }) => id < head.head))
      const reached = rows.at(-1)?.id ?? after
      if (rows.length === ROWS_AT_ONCE && reached < head.head) return { stored, through: reached }
      if (stored.length > 0 && bucket < bucketOf(head.head)) return { stored, through: endOf(bucket) }
    }
    if (last < bucketOf(head.head)) return { stored, through: endOf(last) }
    if (head.update) stored.push(head.update)
    return { stored, through: head.head }
  }

  async #readState(signal: AbortSignal | undefined): Promise<LogState & { readonly swept: number }> {
    signal?.throwIfAborted()
    const statement = { cql: this.#cql.readState, values: [this.#options.dataset] }
    const [row] = await this.#open().read(statement, { signal, consistency: 'latest' })
    if (!row?.['log_id']) throw noLog()
    const [head, floor, swept] = [Number(row['head']), Number(row['floor']), Number(row['swept'])]
    return { logId: String(row['log_id']), head, floor, swept }
  }

  async #readHead({ signal }: CallOptions): Promise<Head> {
    const statement = { cql: this.#cql.readHead, values: [this.#options.dataset] }
    const [row] = await this.#open().read(statement, { signal, consistency: 'latest' })
    if (!row?.['log_id']) throw noLog()
    const head = Number(row['head'])
    return {
      logId: String(row['log_id']),
      head,
      floor: Number(row['floor']),
      recent: JSON.parse(String(row['recent'])) as string[],
      update: head === 0 ? null : storedUpdate(head, row),
    }
  }

  #rows(): UpdateRows {
    return new UpdateRows(this.#open(), this.#cql, this.#options.dataset)
  }

  #open(): Connection {
    this.#connection ??= new Connection(this.#options)
    return this.#connection
  }
}

function noLog(): KckError {
  return new KckError('STORE_UNAVAILABLE', 'The log of updates is not there yet: create its schema')
}

function inDoubt(cause: unknown): KckError {
  const { message, retryAfterMs } = storeUnavailable(cause)
  const details = { outcome: 'unknown' }
  return new KckError('STORE_UNAVAILABLE', message, { cause, details, ...(retryAfterMs && { retryAfterMs }) })
}

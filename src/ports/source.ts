import type { JsonValue } from '../entry/json.ts'
import type { KckError } from '../errors.ts'
import type { SqlStatement } from '../sql/statement.ts'

/**
 * A SQL source: PostgreSQL, however it is reached. All adapters give the same JSON form of every type:
 *
 * | PostgreSQL | value |
 * |---|---|
 * | int2, int4, oid | number |
 * | int8 | number when |n| <= 2^53-1, else its digits as a string |
 * | float4, float8 | number; `NaN`, `Infinity`, `-Infinity` as those strings |
 * | numeric | string, exactly as PostgreSQL prints it |
 * | bool | boolean |
 * | json, jsonb | the value itself |
 * | date | `2026-11-20` |
 * | timestamp | `2026-11-20T17:48:48.489123`, fraction without trailing zeros, none when whole |
 * | timestamptz | the same in UTC with `Z` |
 * | bytea | base64 string |
 * | arrays | arrays of the above, nested as they are |
 * | null | null |
 * | everything else (text, uuid, interval, time, ranges, enums, ...) | PostgreSQL's text |
 *
 * Errors: `SOURCE_UNAVAILABLE` (cannot connect, starting up, paused, connection lost: with `retryAfterMs` where
 * known), `SOURCE_BUSY` (too many connections), `DEADLINE_EXCEEDED` (statement timeout), `COMPUTE_FAILED` with the
 * database's error as `cause` and its SQLSTATE in `details.sqlState` for everything the statement itself did wrong. An
 * aborted signal cancels the statement on the server and throws the signal's reason.
 */
export interface Source {
  readonly name: string
  query(statement: SqlStatement, values: SqlValues, options?: QueryOptions): Promise<QueryResult>
  /** Runs `work` in one read-write transaction: committed when it resolves, rolled back when it throws. */
  transaction<T>(work: (transaction: SourceTransaction) => Promise<T>, options?: QueryOptions): Promise<T>
  /** Column names and PostgreSQL type names of a statement, without running it. */
  describe(statement: SqlStatement): Promise<readonly Column[]>
  ping(options?: QueryOptions): Promise<void>
  /** Why calls that wait just now would fail in the end: the database is starting. Null, or missing: not known. */
  hindrance?(): KckError | null
  /**
   * Calls `onNotify` for every `NOTIFY` on a channel, and once when it begins to hear them, until the signal aborts; throws
   * when the connection is lost. Missing: the source cannot.
   */
  listen?(channel: string, onNotify: () => void, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface SourceTransaction {
  query(statement: SqlStatement, values: SqlValues): Promise<QueryResult>
}

/** A bound value. Lists bind as PostgreSQL arrays; objects as json. */
export type SqlValue = JsonValue | bigint | Uint8Array | Date | undefined
export type SqlValues = Readonly<Record<string, SqlValue>>

export interface QueryOptions {
  readonly signal?: AbortSignal
  /** Milliseconds after which the database itself stops the statement. Default: the source's setting. */
  readonly timeoutMs?: number
  /** Who waits first for a source at its limit. Default `interactive`. */
  readonly priority?: QueryPriority
  /**
   * Called when a call that was given up (aborted, or the connection lost) has ended in the database too, which may be
   * some time after the caller was released. Adapters that cannot know it never call.
   */
  readonly onEnded?: () => void
}

/** `interactive`: somebody waits for it. `background`: refreshes, schedules, warm-ups. */
export type QueryPriority = 'interactive' | 'background'

export interface Column {
  readonly name: string
  /** PostgreSQL's name: `int4`, `timestamptz`, `_text` for an array of text. */
  readonly type: string
}

export interface QueryResult {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly JsonValue[])[]
  /** Rows returned, or affected by an insert, update or delete. */
  readonly rowCount: number
}

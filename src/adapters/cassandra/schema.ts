import type { Connection } from './connection.ts'
import type { CassandraOptions } from './options.ts'
import { pause } from './within.ts'

/**
 * The tables, by name, as `CREATE TABLE` has them. Only what Amazon Keyspaces has too, within its limits: names of two
 * characters or more, partition keys under 2,048 bytes, clustering keys under 850, rows under 1 MB, no static column.
 */
export const TABLES: Readonly<Record<string, string>> = {
  /**
   * Part '' is the row, changed by conditional writes only; part 'm:...' is a mark, changed by plain writes only: on
   * Apache Cassandra the two may not meet on one row. `body_id` says whose bytes `body` holds: a replica that missed a
   * write may have the two columns of different writes.
   */
  entry: `(
    entry_key text, part text,
    rev bigint, state text, body_id text, body blob,
    PRIMARY KEY ((entry_key), part))`,
  body_chunk: `(
    entry_key text, body_id text, chunk_no int, bytes blob,
    PRIMARY KEY ((entry_key, body_id, chunk_no)))`,
  /** `whole` is set where the dependent is longer than a clustering key may be. */
  edge: `(
    node text, shard int, dependent text, whole text,
    PRIMARY KEY ((node, shard), dependent))`,
  work_item: `(
    kind text, minute bigint, shard int, item text, item_id text, at bigint, payload text,
    PRIMARY KEY ((kind, minute, shard), item))`,
  /** Changed by conditional writes only. */
  register: `(
    name text, rev bigint, operation text, content text,
    PRIMARY KEY ((name)))`,
  /** Logs of accepted writes, changed by conditional writes only; a record expires a day after it was applied. */
  queued_write: `(
    shard int, segment bigint, position bigint, rev bigint, operation text, content text,
    PRIMARY KEY ((shard, segment), position))`,
}

/**
 * Apache Cassandra keeps every deletion for ten days, and a read of an entry passes over all deleted marks beside it.
 * An hour is safe here: a deleted mark, edge or chunk that came back from a node that was away for longer costs a
 * needless refresh or some space, never a wrong value. Rows themselves are never deleted, they expire.
 */
const TABLE_OPTIONS = 'gc_grace_seconds = 3600'
const REPLICATION = "{ 'class': 'SimpleStrategy', 'replication_factor': 1 }"
const READY_WITHIN_MS = 30_000

/** Creates what is missing and returns when every table answers. May run at the same time elsewhere. */
export async function createSchema(
  connection: Connection,
  options: CassandraOptions,
  tables: Readonly<Record<string, string>> = TABLES,
): Promise<void> {
  const { keyspace, tableOptions = TABLE_OPTIONS } = options
  // Asked first: whoever may use a keyspace need not be allowed to create one.
  if (
    !(await exists(connection, 'SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?', [keyspace]))
  ) {
    await connection.define(
      `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${options.replication ?? REPLICATION}`,
    )
  }
  for (const [name, columns] of Object.entries(tables)) {
    const query = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?'
    if (await exists(connection, query, [keyspace, name])) continue
    const suffix = tableOptions === '' ? '' : ` WITH ${tableOptions}`
    await connection.define(`CREATE TABLE IF NOT EXISTS ${keyspace}.${name} ${columns}${suffix}`)
  }
  await options.waitUntilActive?.(keyspace, Object.keys(tables))
  await Promise.all(Object.keys(tables).map((name) => answers(connection, `${keyspace}.${name}`)))
}

async function exists(connection: Connection, cql: string, values: readonly unknown[]): Promise<boolean> {
  return (await connection.read({ cql, values }, { consistency: 'one' })).length > 0
}

async function answers(connection: Connection, table: string): Promise<void> {
  const until = performance.now() + READY_WITHIN_MS
  for (;;) {
    try {
      await connection.read({ cql: `SELECT * FROM ${table} LIMIT 1`, values: [] }, { consistency: 'latest' })
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await pause(200)
    }
  }
}

/** The tables of replicas' logs; within the limits of `schema.ts`. */
export const LOG_TABLES: Readonly<Record<string, string>> = {
  /** The newest update of each log, which is what numbers it. Changed by conditional writes only. */
  replica_log: `(
    dataset text, log_id text, head bigint, floor bigint, swept bigint, recent text,
    operation text, single_key blob, contents blob, chunks int,
    PRIMARY KEY ((dataset)))`,
  /** All updates, the newest perhaps not yet. Changed by plain writes only, like the two below. */
  replica_update: `(
    dataset text, bucket bigint, id bigint, operation text, single_key blob, contents blob, chunks int,
    PRIMARY KEY ((dataset, bucket), id))`,
  /** The newest update that names a key. */
  replica_key: `(
    dataset text, single_key blob, id bigint, operation text, chunks int,
    PRIMARY KEY ((dataset, single_key)))`,
  /** Contents that are too large for a row. */
  replica_chunk: `(
    dataset text, operation text, chunk_no int, bytes blob,
    PRIMARY KEY ((dataset, operation, chunk_no)))`,
}

/** All CQL of the log but its schema. */
export function logStatements(keyspace: string) {
  const [log, update] = [`${keyspace}.replica_log`, `${keyspace}.replica_update`]
  const [key, chunk] = [`${keyspace}.replica_key`, `${keyspace}.replica_chunk`]
  const ofChunk = 'WHERE dataset = ? AND operation = ? AND chunk_no = ?'
  return {
    create: `INSERT INTO ${log} (dataset, log_id, head, floor, swept, recent) VALUES (?, ?, 0, 0, 0, '[]') IF NOT EXISTS USING TTL 0`,
    readState: `SELECT log_id, head, floor, swept FROM ${log} WHERE dataset = ?`,
    readHead: `SELECT log_id, head, floor, recent, operation, single_key, contents, chunks FROM ${log} WHERE dataset = ?`,
    append: `UPDATE ${log} USING TTL 0 SET head = ?, recent = ?, operation = ?, single_key = ?, contents = ?, chunks = ? WHERE dataset = ? IF head = ?`,
    raiseFloor: `UPDATE ${log} USING TTL 0 SET floor = ? WHERE dataset = ? IF floor = ?`,
    noteSwept: `UPDATE ${log} USING TTL 0 SET swept = ? WHERE dataset = ? IF swept = ?`,
    putUpdate: `INSERT INTO ${update} (dataset, bucket, id, operation, single_key, contents, chunks) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL 0`,
    readUpdates: `SELECT id, operation, single_key, contents, chunks FROM ${update} WHERE dataset = ? AND bucket = ? AND id > ? LIMIT ?`,
    readOldUpdates: `SELECT id, operation, single_key, chunks FROM ${update} WHERE dataset = ? AND bucket = ? AND id <= ?`,
    deleteUpdate: `DELETE FROM ${update} WHERE dataset = ? AND bucket = ? AND id = ?`,
    deleteUpdates: `DELETE FROM ${update} WHERE dataset = ? AND bucket = ? AND id <= ?`,
    readKey: `SELECT id, operation, chunks FROM ${key} WHERE dataset = ? AND single_key = ?`,
    putKey: `INSERT INTO ${key} (dataset, single_key, id, operation, chunks) VALUES (?, ?, ?, ?, ?) USING TTL 0`,
    deleteKey: `DELETE FROM ${key} WHERE dataset = ? AND single_key = ?`,
    putChunk: `INSERT INTO ${chunk} (dataset, operation, chunk_no, bytes) VALUES (?, ?, ?, ?) USING TTL 0`,
    readChunk: `SELECT bytes FROM ${chunk} ${ofChunk}`,
    deleteChunk: `DELETE FROM ${chunk} ${ofChunk}`,
  } as const
}

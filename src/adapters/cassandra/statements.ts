/** All CQL of the store but its schema. Every write says how long it lives, 0 meaning for ever. */
export type Statements = ReturnType<typeof statementsOf>

export function statementsOf(keyspace: string) {
  const entry = `${keyspace}.entry`
  const chunk = `${keyspace}.body_chunk`
  const edge = `${keyspace}.edge`
  const work = `${keyspace}.work_item`
  const register = `${keyspace}.register`
  const write = `${keyspace}.queued_write`
  const ofChunk = 'WHERE entry_key = ? AND body_id = ? AND chunk_no = ?'
  const ofWork = 'WHERE kind = ? AND minute = ? AND shard = ?'
  return {
    readEntry: `SELECT part, rev, state, body_id, body FROM ${entry} WHERE entry_key = ?`,
    createRow: `INSERT INTO ${entry} (entry_key, part, rev, state, body_id, body) VALUES (?, '', ?, ?, ?, ?) IF NOT EXISTS USING TTL ?`,
    replaceState: `UPDATE ${entry} USING TTL ? SET rev = ?, state = ? WHERE entry_key = ? AND part = '' IF rev = ?`,
    replaceRow: `UPDATE ${entry} USING TTL ? SET rev = ?, state = ?, body_id = ?, body = ? WHERE entry_key = ? AND part = '' IF rev = ?`,
    addMark: `INSERT INTO ${entry} (entry_key, part, state) VALUES (?, ?, ?) USING TTL ?`,
    removeMark: `DELETE FROM ${entry} WHERE entry_key = ? AND part = ?`,
    readChunk: `SELECT bytes FROM ${chunk} ${ofChunk}`,
    putChunk: `INSERT INTO ${chunk} (entry_key, body_id, chunk_no, bytes) VALUES (?, ?, ?, ?) USING TTL ?`,
    deleteChunk: `DELETE FROM ${chunk} ${ofChunk}`,
    addEdge: `INSERT INTO ${edge} (node, shard, dependent, whole) VALUES (?, ?, ?, ?) USING TTL 0`,
    removeEdge: `DELETE FROM ${edge} WHERE node = ? AND shard = ? AND dependent = ?`,
    readEdges: `SELECT dependent, whole FROM ${edge} WHERE node = ? AND shard = ? AND dependent > ? LIMIT ?`,
    putWork: `INSERT INTO ${work} (kind, minute, shard, item, item_id, at, payload) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL ?`,
    removeWork: `DELETE FROM ${work} ${ofWork} AND item = ?`,
    readWork: `SELECT item, item_id, at, payload FROM ${work} ${ofWork} AND item > ? LIMIT ?`,
    readRegister: `SELECT rev, operation, content FROM ${register} WHERE name = ?`,
    createRegister: `INSERT INTO ${register} (name, rev, operation, content) VALUES (?, ?, ?, ?) IF NOT EXISTS USING TTL ?`,
    replaceRegister: `UPDATE ${register} USING TTL ? SET rev = ?, operation = ?, content = ? WHERE name = ? IF rev = ?`,
    putWrite: `UPDATE ${write} USING TTL ? SET rev = ?, operation = ?, content = ? WHERE shard = ? AND segment = ? AND position = ? IF rev = ?`,
    readWrites: `SELECT position, rev, operation, content FROM ${write} WHERE shard = ? AND segment = ? AND position > ? LIMIT ?`,
    ping: "SELECT release_version FROM system.local WHERE key = 'local'",
  } as const
}

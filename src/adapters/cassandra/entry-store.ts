import type { types } from 'cassandra-driver'
import type { Mark, StoredEntry } from '../../entry/entry.ts'
import { emit } from '../../events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EntryStore } from '../../ports/entry-store.ts'
import { createChunks } from './chunks.ts'
import { createRowWriter } from './compare-and-set.ts'
import type { Connection, StatementOptions } from './connection.ts'
import { decodeHead, decodeMark, encodeMark, partOfMark } from './row-format.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'
import { concurrently } from './within.ts'

const READS_AT_ONCE = 64
const MARKS_AT_ONCE = 128
/** What Keyspaces takes in one batch. */
const BATCH = 30

export function createEntryStore(connection: Connection, cql: Statements, clock: Clock): EntryStore {
  async function get(key: string, options: StatementOptions = {}): Promise<StoredEntry> {
    const rows = await connection.read({ cql: cql.readEntry, values: [key] }, options)
    const decoded = decodeHead(key, rows)
    if (decoded.kind === 'torn' && options.consistency !== 'latest') {
      return get(key, { ...options, consistency: 'latest' })
    }
    if (decoded.kind !== 'row' && decoded.kind !== 'absent') reportUnreadable(key, decoded)
    const marks = rows.filter((row) => row['part'] !== '').map((row) => readMark(key, row))
    return { key, row: decoded.kind === 'row' ? decoded.row : null, marks }
  }

  return {
    get,
    ...createChunks(connection, cql, clock),
    compareAndSet: createRowWriter(connection, cql, clock),

    // One statement per key, all on their way at the same time: the same one round trip as `IN`, but no node gathers for
    // the others, a slow partition delays only itself, and each is paged.
    async getMany(keys, options = {}) {
      options.signal?.throwIfAborted()
      return await concurrently(keys, READS_AT_ONCE, (key) => get(key, options))
    },

    async mark(keys, mark, removeAt, options = {}) {
      options.signal?.throwIfAborted()
      const ttl = ttlSeconds(removeAt, clock.now())
      const [part, state] = [partOfMark(mark.id), encodeMark(mark)]
      await concurrently(keys, MARKS_AT_ONCE, (key) =>
        connection.write({ cql: cql.addMark, values: [key, part, state, ttl] }, options.signal),
      )
    },

    async unmark(key, markIds, options = {}) {
      options.signal?.throwIfAborted()
      const deletions = markIds.map((id) => ({ cql: cql.removeMark, values: [key, partOfMark(id)] }))
      const [only] = deletions
      if (only && deletions.length === 1) return connection.write(only, options.signal)
      for (let from = 0; from < deletions.length; from += BATCH) {
        await connection.writeTogether(deletions.slice(from, from + BATCH), options.signal)
      }
    },

    async ping(options = {}) {
      await connection.read({ cql: cql.ping, values: [] }, options)
    },
    close: () => connection.close(),
  }
}

function readMark(key: string, row: types.Row): Mark {
  const { mark, error } = decodeMark(String(row['part']), row['state'])
  if (error !== undefined) emit({ type: 'fault', where: 'cassandra mark', key, error })
  return mark
}

function reportUnreadable(key: string, decoded: { readonly kind: string; readonly error?: unknown }): void {
  const error = decoded.error ?? new Error(`The stored row is ${decoded.kind}`)
  emit({ type: 'fault', where: 'cassandra row', key, error })
}

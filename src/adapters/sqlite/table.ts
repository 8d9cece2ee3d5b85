import type { DatabaseSync } from 'node:sqlite'
import type { Pair } from '../../ports/replica-state.ts'

/** Keys and values in the order of the keys' bytes. */
export interface Table {
  get(key: Uint8Array): Buffer | undefined
  has(key: Uint8Array): boolean
  range(from: { readonly start?: Uint8Array; readonly after?: Uint8Array }, limit: number): readonly Pair[]
  /** One after the other, as they are asked for. */
  all(): Iterable<Pair>
  size(): number
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): void
  clear(): void
}

export type TableName = 'data0' | 'data1'

export function createTable(database: DatabaseSync, name: TableName): void {
  database.exec(`CREATE TABLE IF NOT EXISTS ${name} (key BLOB PRIMARY KEY, value BLOB NOT NULL)`)
}

export function openTable(database: DatabaseSync, name: TableName): Table {
  const pairs = `SELECT key, value FROM ${name}`
  const get = database.prepare(`SELECT value FROM ${name} WHERE key = ?`)
  const has = database.prepare(`SELECT 1 FROM ${name} WHERE key = ?`)
  const from = database.prepare(`${pairs} WHERE key >= ? ORDER BY key LIMIT ?`)
  const after = database.prepare(`${pairs} WHERE key > ? ORDER BY key LIMIT ?`)
  const all = database.prepare(`${pairs} ORDER BY key`)
  const size = database.prepare(`SELECT count(*) AS size FROM ${name}`)
  const put = database.prepare(
    `INSERT INTO ${name} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  )
  const remove = database.prepare(`DELETE FROM ${name} WHERE key = ?`)
  const clear = database.prepare(`DELETE FROM ${name}`)
  return {
    get: (key) => {
      const row = get.get(key) as { readonly value: Uint8Array } | undefined
      return row && buffer(row.value)
    },
    has: (key) => has.get(key) !== undefined,
    range: (bounds, limit) => {
      const rows = bounds.after ? after.all(bounds.after, limit) : from.all(bounds.start ?? Buffer.alloc(0), limit)
      return rows.map(pairOf)
    },
    *all() {
      for (const row of all.iterate()) yield pairOf(row)
    },
    size: () => Number(size.get()?.['size']),
    put: (key, value) => void put.run(key, value),
    remove: (key) => void remove.run(key),
    clear: () => void clear.run(),
  }
}

function pairOf(row: object): Pair {
  const { key, value } = row as Pair
  return { key: buffer(key), value: buffer(value) }
}

/** Without another copy. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

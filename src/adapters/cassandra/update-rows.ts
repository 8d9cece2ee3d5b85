import type { types } from 'cassandra-driver'
import type { CallOptions } from '../../ports/entry-store.ts'
import type { Connection } from './connection.ts'
import type { logStatements } from './update-log-tables.ts'
import { concurrently } from './within.ts'

/** An update as the rows have it: what is too large for a row lies in chunks under its operation. */
export interface StoredUpdate {
  readonly id: number
  readonly operation: string
  readonly key: Buffer | null
  /** Null where there are chunks. */
  readonly contents: Buffer | null
  readonly chunks: number
}

export type Superseded = Pick<StoredUpdate, 'id' | 'operation' | 'chunks'>

/** Contents up to this size lie in the row, and travel with every conditional write. */
const INLINE_BYTES = 64 * 1024
const CHUNK_BYTES = 512 * 1024
/** Ids of one partition. */
const BUCKET = 512
const AT_ONCE = 8

export const bucketOf = (id: number): number => Math.floor(id / BUCKET)
/** The last id of a bucket. */
export const endOf = (bucket: number): number => (bucket + 1) * BUCKET - 1

/** The tables of updates, keys and chunks: plain writes, each of which may be repeated. */
export class UpdateRows {
  readonly #connection: Connection
  readonly #cql: ReturnType<typeof logStatements>
  readonly #dataset: string

  constructor(connection: Connection, cql: ReturnType<typeof logStatements>, dataset: string) {
    this.#connection = connection
    this.#cql = cql
    this.#dataset = dataset
  }

  /**
   * Writes contents that are too large for a row. Returns the number of chunks; 0: they go into the row. A process that
   * dies before the update is appended leaves them behind.
   */
  async putChunks(operation: string, contents: Buffer, { signal }: CallOptions): Promise<number> {
    if (contents.length <= INLINE_BYTES) return 0
    const chunks = Math.ceil(contents.length / CHUNK_BYTES)
    await concurrently(numbers(chunks), AT_ONCE, (each) => {
      const bytes = contents.subarray(each * CHUNK_BYTES, (each + 1) * CHUNK_BYTES)
      return this.#connection.write(
        { cql: this.#cql.putChunk, values: [this.#dataset, operation, each, bytes] },
        signal,
      )
    })
    return chunks
  }

  /** Null: they are gone, so the update has been superseded or removed. */
  async contentsOf(update: StoredUpdate, { signal }: CallOptions): Promise<Buffer | null> {
    if (update.chunks === 0) return update.contents ?? Buffer.alloc(0)
    const chunks = await concurrently(numbers(update.chunks), AT_ONCE, async (each) => {
      const values = [this.#dataset, update.operation, each]
      const [row] = await this.#connection.read({ cql: this.#cql.readChunk, values }, { signal, consistency: 'latest' })
      return (row?.['bytes'] as Buffer | undefined) ?? null
    })
    return chunks.includes(null) ? null : Buffer.concat(chunks as Buffer[])
  }

  async deleteChunks({ operation, chunks }: Superseded, { signal }: CallOptions): Promise<void> {
    await concurrently(numbers(chunks), AT_ONCE, (each) =>
      this.#connection.write({ cql: this.#cql.deleteChunk, values: [this.#dataset, operation, each] }, signal),
    )
  }

  async readBucket(bucket: number, after: number, limit: number, signal?: AbortSignal): Promise<StoredUpdate[]> {
    const values = [this.#dataset, BigInt(bucket), BigInt(after), limit]
    const rows = await this.#connection.read({ cql: this.#cql.readUpdates, values }, { signal, consistency: 'latest' })
    return rows.map((row) => storedUpdate(Number(row['id']), row))
  }

  /** Puts the update into its row, and removes the one that it supersedes. */
  async settle(update: StoredUpdate, call: CallOptions): Promise<void> {
    const { id, operation, key, contents, chunks } = update
    const values = [this.#dataset, BigInt(bucketOf(id)), BigInt(id), operation, key, contents, chunks]
    const [former] = await Promise.all([
      key ? this.#readKey(key, call) : null,
      this.#connection.write({ cql: this.#cql.putUpdate, values }, call.signal),
    ])
    if (key === null || former?.id === id) return
    if (former && former.id > id) {
      await this.#delete(update, call)
      return
    }
    const putKey = { cql: this.#cql.putKey, values: [this.#dataset, key, BigInt(id), operation, chunks] }
    await Promise.all([this.#connection.write(putKey, call.signal), former && this.#delete(former, call)])
  }

  /** Everything of a bucket up to `id`. */
  async removeBucket(bucket: number, id: number, call: CallOptions): Promise<void> {
    const { signal } = call
    const values = [this.#dataset, BigInt(bucket), BigInt(id)]
    const rows = await this.#connection.read(
      { cql: this.#cql.readOldUpdates, values },
      { signal, consistency: 'latest' },
    )
    await concurrently(rows, AT_ONCE, async (row) => {
      const update = storedUpdate(Number(row['id']), row)
      await this.deleteChunks(update, call)
      if (update.key && (await this.#readKey(update.key, call))?.id === update.id) {
        await this.#connection.write({ cql: this.#cql.deleteKey, values: [this.#dataset, update.key] }, signal)
      }
    })
    if (rows.length > 0) await this.#connection.write({ cql: this.#cql.deleteUpdates, values }, signal)
  }

  async #readKey(key: Buffer, { signal }: CallOptions): Promise<Superseded | null> {
    const statement = { cql: this.#cql.readKey, values: [this.#dataset, key] }
    const [row] = await this.#connection.read(statement, { signal, consistency: 'latest' })
    if (!row) return null
    return { id: Number(row['id']), operation: String(row['operation']), chunks: Number(row['chunks'] ?? 0) }
  }

  async #delete(update: Superseded, call: CallOptions): Promise<void> {
    const values = [this.#dataset, BigInt(bucketOf(update.id)), BigInt(update.id)]
    await this.#connection.write({ cql: this.#cql.deleteUpdate, values }, call.signal)
    await this.deleteChunks(update, call)
  }
}

export function storedUpdate(id: number, row: types.Row): StoredUpdate {
  return {
    id,
    operation: String(row['operation']),
    key: (row['single_key'] as Buffer | null) ?? null,
    contents: (row['contents'] as Buffer | null) ?? null,
    chunks: Number(row['chunks'] ?? 0),
  }
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)

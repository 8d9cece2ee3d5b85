import type { Clock } from '../../ports/clock.ts'
import type { EntryStore } from '../../ports/entry-store.ts'
import type { Connection } from './connection.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'
import { concurrently } from './within.ts'

type Chunks = Pick<EntryStore, 'putChunks' | 'getChunks' | 'deleteChunks'>

/** At most 4 MiB on their way at once. */
const AT_ONCE = 8

/** The pieces of large bodies, each in its own partition so that they spread over the nodes. */
export function createChunks(connection: Connection, cql: Statements, clock: Clock): Chunks {
  async function getChunk(values: readonly unknown[], signal: AbortSignal | undefined): Promise<Uint8Array | null> {
    // Written once and never changed, so the nearest replica will do; it may not have it yet.
    for (const consistency of ['one', 'latest'] as const) {
      const rows = await connection.read({ cql: cql.readChunk, values }, { signal, consistency })
      if (rows[0]) return rows[0]['bytes'] as Uint8Array
    }
    return null
  }

  return {
    // biome-ignore lint/complexity/useMaxParams: the port's signature.
    async putChunks(key, bodyId, chunks, removeAt, options = {}) {
      options.signal?.throwIfAborted()
      const ttl = ttlSeconds(removeAt, clock.now())
      await concurrently(chunks, AT_ONCE, (bytes, index) => {
        const values = [key, bodyId, index, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), ttl]
        return connection.write({ cql: cql.putChunk, values }, options.signal)
      })
    },
    async getChunks(key, bodyId, count, options = {}) {
      options.signal?.throwIfAborted()
      let missing = false
      const indexes = Array.from({ length: count }, (_, index) => index)
      const chunks = await concurrently(indexes, AT_ONCE, async (index) => {
        if (missing) return null
        const bytes = await getChunk([key, bodyId, index], options.signal)
        missing ||= bytes === null
        return bytes
      })
      return missing ? null : (chunks as Uint8Array[])
    },
    async deleteChunks(key, bodyId, count, options = {}) {
      options.signal?.throwIfAborted()
      const indexes = Array.from({ length: count }, (_, index) => index)
      await concurrently(indexes, AT_ONCE, (index) =>
        connection.write({ cql: cql.deleteChunk, values: [key, bodyId, index] }, options.signal),
      )
    },
  }
}

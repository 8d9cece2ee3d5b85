import type { types } from 'cassandra-driver'
import type { Clock } from '../../ports/clock.ts'
import type { QueuedRecord, StoredRecord, WriteQueue } from '../../ports/write-queue.ts'
import type { Connection } from './connection.ts'
import { storeUnavailable } from './errors.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'

/** Positions of one partition: a log is read partition by partition, and what is done expires with its own. */
const SEGMENT = 512

interface Place {
  readonly shard: number
  readonly position: number
  /** Null: there is no record yet. */
  readonly rev: number | null
}

/**
 * Logs by conditional writes of single rows. A row is made by an update, not an insert, so that nothing of it stays when
 * its columns expire. Readers begin behind what is done, so they never pass over what has expired.
 */
export function createWriteQueue(connection: Connection, cql: Statements, clock: Clock): WriteQueue {
  const rowsAbove = (shard: number, after: number, limit: number, signal: AbortSignal | undefined) => {
    const values = [shard, segmentOf(after + 1), BigInt(after), limit]
    return connection.read({ cql: cql.readWrites, values }, { signal, consistency: 'latest' })
  }

  async function write(
    place: Place,
    next: QueuedRecord & { readonly removeAt: number | null },
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { shard, position, rev } = place
    const columns = [ttlSeconds(next.removeAt, clock.now()), BigInt((rev ?? 0) + 1), next.operation, next.text]
    const key = [shard, segmentOf(position), BigInt(position)]
    const statement = { cql: cql.putWrite, values: [...columns, ...key, rev === null ? null : BigInt(rev)] }
    const result = await connection.writeIf(statement, signal)
    if (result.applied || !result.repeated) return result.applied
    return wasApplied(place, next.operation, signal)
  }

  /** Whether a record that refuses a write, in doubt since an earlier attempt, does so because it is that write. */
  async function wasApplied({ shard, position, rev }: Place, operation: string, signal: AbortSignal | undefined) {
    const [row] = await rowsAbove(shard, position - 1, 1, signal)
    const found = row?.['rev'] == null || Number(row['position']) !== position ? 0 : Number(row['rev'])
    const made = (rev ?? 0) + 1
    if (found === made) return String(row?.['operation']) === operation
    if (found < made) return false
    throw storeUnavailable(new Error('The outcome of a conditional write cannot be found out any more'))
  }

  return {
    async append(shard, position, record, { signal } = {}) {
      signal?.throwIfAborted()
      return write({ shard, position, rev: null }, { ...record, removeAt: null }, signal)
    },
    async read(shard, after, limit, { signal } = {}) {
      signal?.throwIfAborted()
      const found: StoredRecord[] = []
      let next = after
      while (found.length < limit) {
        const rows = await rowsAbove(shard, next, limit - found.length, signal)
        found.push(...inOrder(rows, next))
        const end = after + found.length
        // The next partition begins only when this one is full.
        if (end === next || end % SEGMENT !== 0) break
        next = end
      }
      return found
    },
    async replace(shard, { position, rev }, next, { signal } = {}) {
      signal?.throwIfAborted()
      return write({ shard, position, rev }, next, signal)
    },
  }
}

/** Positions count from 1, and a segment ends at a multiple of its size. */
function segmentOf(position: number): bigint {
  return BigInt(Math.floor((position - 1) / SEGMENT))
}

/** The rows as far as they follow each other. */
function inOrder(rows: readonly types.Row[], after: number): readonly StoredRecord[] {
  const records: StoredRecord[] = []
  for (const row of rows) {
    const position = Number(row['position'])
    if (position !== after + records.length + 1 || row['rev'] == null) break
    records.push({ position, rev: Number(row['rev']), text: String(row['content']) })
  }
  return records
}

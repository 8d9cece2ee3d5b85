import type { Clock } from '../../ports/clock.ts'
import type { WorkIndex, WorkItem } from '../../ports/work-index.ts'
import type { Connection } from './connection.ts'
import { bounded, pageOfShards, shardOf } from './shards.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'
import { concurrently } from './within.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const ITEM_BYTES = 800
const AT_ONCE = 64

export function createWorkIndex(connection: Connection, cql: Statements, clock: Clock): WorkIndex {
  return {
    async put(items, options = {}) {
      options.signal?.throwIfAborted()
      await concurrently(items, AT_ONCE, (item) => {
        const ttl = ttlSeconds(item.at + DAY_MS, clock.now())
        const values = [...placeOf(item), item.id, BigInt(item.at), item.payload, ttl]
        return connection.write({ cql: cql.putWork, values }, options.signal)
      })
    },
    async remove(items, options = {}) {
      options.signal?.throwIfAborted()
      await concurrently(items, AT_ONCE, (item) =>
        connection.write({ cql: cql.removeWork, values: placeOf(item) }, options.signal),
      )
    },
    async list(kind, minute, page, options = {}) {
      const bucket = minuteOf(minute)
      const latest = { ...options, consistency: 'latest' } as const
      const { items, next } = await pageOfShards(
        (shard, after, limit) =>
          connection.read({ cql: cql.readWork, values: [kind, bucket, shard, after, limit] }, latest),
        (row) => String(row['item']),
        page,
      )
      const found = items.map((row): WorkItem => {
        return { kind, id: String(row['item_id']), at: Number(row['at']), payload: String(row['payload']) }
      })
      return next === undefined ? { items: found } : { items: found, next }
    },
  }
}

const minuteOf = (at: number): bigint => BigInt(Math.floor(at / MINUTE_MS))

/** The values of the primary key. The same id may be owed since several times. */
function placeOf({ kind, id, at }: Pick<WorkItem, 'kind' | 'id' | 'at'>): readonly unknown[] {
  return [kind, minuteOf(at), shardOf(id), bounded(`${at}/${id}`, ITEM_BYTES)]
}

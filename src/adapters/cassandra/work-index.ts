import type { Clock } from '../../ports/clock.ts'
import type { WorkIndex, WorkItem } from '../../ports/work-index.ts'
import type { Connection, Statement } from './connection.ts'
import { bounded, pageOfShards, shardOf } from './shards.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'
import { concurrently } from './within.ts'
import { WorkHours } from './work-hours.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const ITEM_BYTES = 800
const AT_ONCE = 16
/** What Keyspaces takes in one batch, and characters that are still a small write. */
const BATCH = 30
const BATCH_LENGTH = 100_000

interface PlacedStatement extends Statement {
  readonly length: number
}

export function createWorkIndex(connection: Connection, cql: Statements, clock: Clock): WorkIndex {
  const hours = new WorkHours(connection, cql)
  return {
    async put(items, options = {}) {
      options.signal?.throwIfAborted()
      const statements = items.map((item) => {
        const ttl = ttlSeconds(item.at + DAY_MS, clock.now())
        const values = [...placeOf(item), item.id, BigInt(item.at), item.payload, ttl]
        return { cql: cql.putWork, values, length: item.id.length + item.payload.length }
      })
      const marks = hours.mark(items, clock.now())
      const batches = [...marks.statements.map((mark) => [mark]), ...byPartition(statements)]
      await concurrently(batches, AT_ONCE, (batch) => connection.writeTogether(batch, options.signal))
      marks.written()
    },
    async remove(items, options = {}) {
      options.signal?.throwIfAborted()
      const statements = items.map((item) => ({ cql: cql.removeWork, values: placeOf(item), length: 0 }))
      await concurrently(byPartition(statements), AT_ONCE, (batch) => connection.writeTogether(batch, options.signal))
    },
    async list(kind, minute, page, options = {}) {
      options.signal?.throwIfAborted()
      if (page.after === undefined && !(await hours.mayHold(kind, minute, clock.now(), options))) return { items: [] }
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

/** Batches of statements on one partition each: a server takes such a batch as one write. */
function byPartition(statements: readonly PlacedStatement[]): readonly (readonly Statement[])[] {
  const partitions = Map.groupBy(statements, ({ values: [kind, minute, shard] }) => `${kind}/${minute}/${shard}`)
  return [...partitions.values()].flatMap(inBatches)
}

function inBatches(statements: readonly PlacedStatement[]): readonly (readonly Statement[])[] {
  const batches: { statements: Statement[]; length: number }[] = []
  for (const statement of statements) {
    const batch = batches.at(-1)
    if (batch && batch.statements.length < BATCH && batch.length + statement.length <= BATCH_LENGTH) {
      batch.statements.push(statement)
      batch.length += statement.length
    } else batches.push({ statements: [statement], length: statement.length })
  }
  return batches.map((batch) => batch.statements)
}

/** The values of the primary key. The same id may be owed since several times. */
function placeOf({ kind, id, at }: Pick<WorkItem, 'kind' | 'id' | 'at'>): readonly unknown[] {
  return [kind, minuteOf(at), shardOf(id), bounded(`${at}/${id}`, ITEM_BYTES)]
}

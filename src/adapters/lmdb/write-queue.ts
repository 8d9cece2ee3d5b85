import type { Clock } from '../../ports/clock.ts'
import type { StoredRecord, WriteQueue } from '../../ports/write-queue.ts'
import type { Environment } from './environment.ts'
import { sortable } from './keys.ts'
import { type RecordContent, readRecord, seal, type Unreadable } from './record.ts'

/** Table `writes` by shard and position; the record holds the revision and the text as JSON. */
export function createLmdbWriteQueue(environment: Environment, clock: Clock): WriteQueue {
  const table = environment.table('writes')

  const decoded = (place: Buffer, record: RecordContent | Unreadable | null): [number, string] | null => {
    if (typeof record === 'object') return record && (JSON.parse(record.payload.toString()) as [number, string])
    environment.unreadable('queued write', place.toString('hex'), record)
    return null
  }
  const sealed = (place: Buffer, rev: number, text: string, removeAt: number | null) =>
    seal(place, removeAt, [Buffer.from(JSON.stringify([rev, text]))])

  return {
    async append(shard, position, { text }, options) {
      options?.signal?.throwIfAborted()
      const place = placeOf(shard, position)
      const bytes = sealed(place, 1, text, null)
      return environment.write({ records: 1, bytes: place.length + bytes.length }, () => {
        // What cannot be read is not overwritten either.
        if (readRecord(table, place, clock.now()) !== null) return false
        table.putSync(place, bytes)
        return true
      })
    },
    async read(shard, after, limit, options) {
      options?.signal?.throwIfAborted()
      return environment.read(() => {
        const found: StoredRecord[] = []
        for (let position = after + 1; found.length < limit; position++) {
          const place = placeOf(shard, position)
          const record = decoded(place, readRecord(table, place, clock.now()))
          if (!record) break
          found.push({ position, rev: record[0], text: record[1] })
        }
        return found
      })
    },
    async replace(shard, { position, rev }, { text, removeAt }, options) {
      options?.signal?.throwIfAborted()
      const place = placeOf(shard, position)
      const bytes = sealed(place, rev + 1, text, removeAt)
      return environment.write({ records: 1, bytes: place.length + bytes.length }, () => {
        if (decoded(place, readRecord(table, place, clock.now()))?.[0] !== rev) return false
        table.putSync(place, bytes)
        return true
      })
    },
  }
}

function placeOf(shard: number, position: number): Buffer {
  return Buffer.concat([Buffer.from([shard]), sortable(position)])
}

import { setImmediate } from 'node:timers/promises'
import type { Mark, StoredEntry } from '../../entry/entry.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CallOptions, EntryStore } from '../../ports/entry-store.ts'
import type { Environment } from './environment.ts'
import { after, hashOf, ZERO } from './keys.ts'
import { type RecordContent, seal, type Unreadable, unseal } from './record.ts'
import { decodeRow, encodeRow, revOf } from './row-codec.ts'

export interface LmdbEntryStore extends EntryStore {
  /** What `get` reads, at once. */
  peek(key: string): StoredEntry
}

/** Marks that are written in one transaction, so that nobody waits long for the lock. */
const MARKS_PER_WRITE = 500
/** Stands before the place of a mark that cannot be read: it still says that the key is dirty. */
const UNREADABLE_MARK = 'unreadable:'

/**
 * Tables: `rows` by key; `marks` by key, a zero byte (which no key holds) and the hash of the mark's id; `bodies`
 * (when a body may go) by key, a zero byte and the hash of the body's id; `chunks` by the same and the chunk's number.
 */
export function createLmdbEntryStore(environment: Environment, clock: Clock): LmdbEntryStore {
  const rows = environment.table('rows')
  const marks = environment.table('marks')
  const chunks = environment.table('chunks', null)
  const bodies = environment.table('bodies', (body, record) => deleteBody(body, countOf(unseal(body, record))))

  const passed = (removeAt: number | null) => removeAt !== null && removeAt <= clock.now()

  /** The record at `place` of a table, unless it expired. */
  const recordAt = (table: typeof rows, place: Buffer): RecordContent | Unreadable | null => {
    const bytes = table.getBinary(place)
    if (!bytes) return null
    const record = unseal(place, bytes)
    return typeof record === 'object' && passed(record.removeAt) ? null : record
  }

  /** The record of a key's row; null also when it cannot be read, which is reported. */
  const rowRecord = (key: string, place: Buffer): { record: RecordContent | null; isNewer: boolean } => {
    const record = recordAt(rows, place)
    if (typeof record === 'string') environment.unreadable('row', key, record)
    return { record: typeof record === 'object' ? record : null, isNewer: record === 'newer' }
  }

  const marksOf = (key: string, place: Buffer): readonly Mark[] => {
    const start = Buffer.concat([place, ZERO])
    const found: Mark[] = []
    for (const { key: at, value } of marks.getRange({ start, end: after(start) })) {
      const record = unseal(at, value)
      if (typeof record === 'string') {
        environment.unreadable('mark', key, record)
        const id = UNREADABLE_MARK + at.subarray(start.length).toString('hex')
        found.push({ id, at: clock.now(), cause: 'a mark that cannot be read', upstream: false })
      } else if (!passed(record.removeAt)) found.push(JSON.parse(record.payload.toString()) as Mark)
    }
    return found
  }

  const deleteBody = (body: Buffer, count: number) => {
    bodies.removeSync(body)
    for (let index = 0; index < count; index++) chunks.removeSync(chunkPlace(body, index))
  }

  const read = (key: string): StoredEntry => {
    const place = Buffer.from(key)
    const { record } = rowRecord(key, place)
    return { key, row: record && decodeRow(key, record.payload), marks: marksOf(key, place) }
  }

  return {
    peek: (key) => environment.read(() => read(key)),
    async get(key, options) {
      throwIfAborted(options)
      return environment.read(() => read(key))
    },
    async getMany(keys, options) {
      throwIfAborted(options)
      return environment.read(() => keys.map(read))
    },
    async compareAndSet(previous, next, options) {
      throwIfAborted(options)
      const place = Buffer.from(next.key)
      const record = seal(place, next.removeAt, encodeRow(next))
      return environment.write(record.length, () => {
        const stored = rowRecord(next.key, place)
        const rev = stored.record && revOf(stored.record.payload)
        if (stored.isNewer || rev !== (previous?.rev ?? null)) return false
        rows.putSync(place, record)
        return true
      })
    },
    async mark(keys, mark, removeAt, options) {
      throwIfAborted(options)
      const payload = Buffer.from(JSON.stringify(mark))
      for (let from = 0; from < keys.length; from += MARKS_PER_WRITE) {
        if (from > 0) await pause(options)
        const places = keys.slice(from, from + MARKS_PER_WRITE).map((key) => markPlace(key, mark.id))
        environment.write(places.length * (payload.length + 64), () => {
          for (const place of places) {
            const until = later(removeAt, recordAt(marks, place))
            marks.putSync(place, seal(place, until, [payload]))
          }
        })
      }
    },
    async unmark(key, markIds, options) {
      throwIfAborted(options)
      if (markIds.length === 0) return
      environment.write(0, () => {
        for (const id of markIds) marks.removeSync(markPlace(key, id))
      })
    },
    // biome-ignore lint/complexity/useMaxParams: the port's signature.
    async putChunks(key, bodyId, bytes, removeAt, options) {
      throwIfAborted(options)
      const body = bodyPlace(key, bodyId)
      const count = Buffer.alloc(4)
      count.writeUInt32LE(bytes.length)
      environment.write(body.length, () => {
        bodies.putSync(body, seal(body, later(removeAt, recordAt(bodies, body)), [count]))
      })
      for (const [index, chunk] of bytes.entries()) {
        await pause(options)
        const place = chunkPlace(body, index)
        const record = seal(place, null, [chunk])
        environment.write(record.length, () => chunks.putSync(place, record))
      }
    },
    async getChunks(key, bodyId, count, options) {
      throwIfAborted(options)
      return environment.read(() => {
        const body = bodyPlace(key, bodyId)
        if (countOf(recordAt(bodies, body)) < count) return null
        const found: Uint8Array[] = []
        for (let index = 0; index < count; index++) {
          const record = recordAt(chunks, chunkPlace(body, index))
          if (typeof record === 'string') environment.unreadable('chunk', key, record)
          if (record === null || typeof record === 'string') return null
          found.push(record.payload)
        }
        return found
      })
    },
    async deleteChunks(key, bodyId, count, options) {
      throwIfAborted(options)
      const body = bodyPlace(key, bodyId)
      environment.write(0, () => deleteBody(body, count))
    },
    async ping(options) {
      throwIfAborted(options)
      environment.read(() => rows.getBinary(ZERO))
    },
    async close() {},
  }
}

function markPlace(key: string, id: string): Buffer {
  const hash = id.startsWith(UNREADABLE_MARK) ? Buffer.from(id.slice(UNREADABLE_MARK.length), 'hex') : hashOf(id)
  return Buffer.concat([Buffer.from(key), ZERO, hash])
}

function bodyPlace(key: string, bodyId: string): Buffer {
  return Buffer.concat([Buffer.from(key), ZERO, hashOf(bodyId)])
}

function chunkPlace(body: Buffer, index: number): Buffer {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(index)
  return Buffer.concat([body, number])
}

function countOf(body: RecordContent | Unreadable | null): number {
  return body === null || typeof body === 'string' ? 0 : body.payload.readUInt32LE()
}

/** What is stored twice stays until the later of both times. */
function later(removeAt: number | null, stored: RecordContent | Unreadable | null): number | null {
  if (stored === null || typeof stored === 'string') return removeAt
  return removeAt === null || stored.removeAt === null ? null : Math.max(removeAt, stored.removeAt)
}

async function pause(options: CallOptions | undefined): Promise<void> {
  await setImmediate()
  throwIfAborted(options)
}

function throwIfAborted(options: CallOptions | undefined): void {
  options?.signal?.throwIfAborted()
}

import { crc32 } from 'node:zlib'

/**
 * How every record lies in the file: LMDB hands out a damaged byte like any other, so each record carries a checksum
 * over its key and itself.
 *
 * | bytes | |
 * |---|---|
 * | 0 | number of the format |
 * | 1-4 | CRC-32 of the key, the format and everything from byte 5 on, little-endian; the same in every format |
 * | 5-12 | `removeAt`, a double, little-endian; Infinity: never |
 * | 13- | the payload |
 */
const FORMAT = 1
const HEADER = 13

export interface RecordContent {
  /** Milliseconds; null: never. */
  readonly removeAt: number | null
  readonly payload: Buffer
}

/** `newer`: whole, and written by a later version of KCK. */
export type Unreadable = 'damaged' | 'newer'

export function seal(key: Uint8Array, removeAt: number | null, parts: readonly Uint8Array[]): Buffer {
  const record = Buffer.allocUnsafe(parts.reduce((length, part) => length + part.length, HEADER))
  record[0] = FORMAT
  record.writeDoubleLE(removeAt ?? Number.POSITIVE_INFINITY, 5)
  let position = HEADER
  for (const part of parts) {
    record.set(part, position)
    position += part.length
  }
  record.writeUInt32LE(checksum(key, record), 1)
  return record
}

export function unseal(key: Uint8Array, record: Buffer): RecordContent | Unreadable {
  if (record.length < 5 || record.readUInt32LE(1) !== checksum(key, record)) return 'damaged'
  if (record[0] !== FORMAT) return 'newer'
  const removeAt = record.readDoubleLE(5)
  return { removeAt: removeAt === Number.POSITIVE_INFINITY ? null : removeAt, payload: record.subarray(HEADER) }
}

/** When the record may go, without a look at the rest; null: never, or it cannot be told. */
export function removeAtOf(record: Buffer): number | null {
  if (record[0] !== FORMAT || record.length < HEADER) return null
  const removeAt = record.readDoubleLE(5)
  return Number.isFinite(removeAt) ? removeAt : null
}

function checksum(key: Uint8Array, record: Buffer): number {
  return crc32(record.subarray(5), (crc32(key) ^ (record[0] ?? 0)) >>> 0)
}

/** The record at `place` of a table; null when there is none, or none any more. */
export function readRecord(
  table: { getBinary(place: Buffer): Buffer | undefined },
  place: Buffer,
  now: number,
): RecordContent | Unreadable | null {
  const bytes = table.getBinary(place)
  if (!bytes) return null
  const record = unseal(place, bytes)
  return typeof record === 'object' && record.removeAt !== null && record.removeAt <= now ? null : record
}

/** What is stored twice stays until the later of both times. */
export function laterRemoval(removeAt: number | null, stored: RecordContent | Unreadable | null): number | null {
  if (stored === null || typeof stored === 'string') return removeAt
  return removeAt === null || stored.removeAt === null ? null : Math.max(removeAt, stored.removeAt)
}

/** A copy of the payload of a record that never expires; null: it is damaged. Saves what `unseal` makes on the way. */
export function checkedPayload(key: Uint8Array, record: Buffer): Buffer | null {
  const { length } = record
  if (length < HEADER || record[0] !== FORMAT) return null
  const start = (crc32(key) ^ FORMAT) >>> 0
  // `record` may be longer than its `length` says: the library reads into a buffer that it uses again.
  if (record.readUInt32LE(1) !== crc32(record.subarray(5, length), start)) return null
  const payload = Buffer.allocUnsafe(length - HEADER)
  record.copy(payload, 0, HEADER, length)
  return payload
}

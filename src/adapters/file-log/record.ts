import { crc32 } from 'node:zlib'

/**
 * An update as it lies in the file: CRC-32 of the rest (4 bytes, little-endian), length of the key (2 bytes; 0: it
 * changes several keys), the key, the contents.
 */
const HEADER = 6

export interface Stored {
  readonly key: Buffer | null
  readonly contents: Buffer
}

export function encodeStored(contents: Uint8Array, key: Uint8Array | null): Buffer {
  const record = Buffer.allocUnsafe(HEADER + (key?.length ?? 0) + contents.length)
  record.writeUInt16LE(key?.length ?? 0, 4)
  if (key) record.set(key, HEADER)
  record.set(contents, HEADER + (key?.length ?? 0))
  record.writeUInt32LE(crc32(record.subarray(4)), 0)
  return record
}

/** Null: it is damaged. */
export function decodeStored(record: Buffer): Stored | null {
  if (record.length < HEADER || record.readUInt32LE(0) !== crc32(record.subarray(4))) return null
  const end = HEADER + record.readUInt16LE(4)
  return { key: end === HEADER ? null : record.subarray(HEADER, end), contents: record.subarray(end) }
}

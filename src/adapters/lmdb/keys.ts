import { createHash } from 'node:crypto'

/** LMDB's keys end at 1,978 bytes, so what may be longer stands in a key as its hash, and in the value as itself. */
export function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 16)
}

/** Numbers that are not negative, in bytes that sort as they do. */
export function sortable(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleBE(Math.max(0, number))
  return bytes
}

/** The first key that does not begin with `prefix`. */
export function after(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  for (let position = end.length - 1; position >= 0; position--) {
    const byte = end[position] as number
    if (byte < 0xff) {
      end[position] = byte + 1
      return end.subarray(0, position + 1)
    }
  }
  throw new RangeError('Nothing sorts behind this prefix')
}

export const ZERO = Buffer.alloc(1)

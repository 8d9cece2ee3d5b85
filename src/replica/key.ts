import { isUtf8 } from 'node:buffer'
import { KckError } from '../errors.ts'

/** Strings stand for their UTF-8 bytes. 1 to 1,024 bytes; ordered by their bytes. */
export type ReplicaKey = string | Uint8Array

const MAX_KEY_BYTES = 1024

/** What the keys of a replica are when they are read out. */
export type KeyKind = 'text' | 'bytes'

/** The bytes of a key; a copy of bytes that are the caller's. Throws `BAD_KEY`. */
export function keyBytes(key: unknown, kind: KeyKind): Buffer {
  const bytes = unchecked(key)
  if (bytes.length === 0) throw badKey('A key must not be empty')
  if (bytes.length > MAX_KEY_BYTES) throw badKey(`A key has at most ${MAX_KEY_BYTES} bytes, not ${bytes.length}`)
  if (kind === 'text' && typeof key !== 'string' && !isUtf8(bytes)) {
    throw badKey('A key in bytes must be UTF-8 here: open the replica with keys: "bytes"')
  }
  return bytes
}

function unchecked(key: unknown): Buffer {
  if (typeof key === 'string') {
    if (!key.isWellFormed()) throw badKey('A key must not hold half of a surrogate pair')
    return Buffer.from(key)
  }
  if (key instanceof Uint8Array) return Buffer.from(key)
  throw badKey(`A key is a string or bytes, not ${key === null ? 'null' : typeof key}`)
}

/** The first key that does not begin with `prefix`; null: there is none. */
export function afterPrefix(prefix: Uint8Array): Buffer | null {
  const end = Buffer.from(prefix)
  for (let position = end.length - 1; position >= 0; position--) {
    const byte = end[position] as number
    if (byte === 0xff) continue
    end[position] = byte + 1
    return end.subarray(0, position + 1)
  }
  return null
}

function badKey(message: string): KckError {
  return new KckError('BAD_KEY', message)
}

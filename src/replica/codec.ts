import { deserialize, serialize } from 'node:v8'

/** How values become bytes. `encode` throws for what has no form; `decode` must not run anything that the bytes say. */
export interface ReplicaCodec<T> {
  readonly name: string
  encode(value: T): Uint8Array
  decode(bytes: Buffer): T
  /** What `decode` returns may not be kept for other readers, who would see each other's changes of it. */
  readonly private?: boolean
}

/**
 * What `structuredClone` copies: undefined, bigint, Date, Map, Set, typed arrays, errors, cycles; no functions, no
 * symbols, and objects lose their class. Node's own binary form, which newer Nodes read too.
 */
export function structured<T>(): ReplicaCodec<T> {
  return { name: 'structured', encode: (value) => serialize(value), decode: (bytes) => deserialize(bytes) as T }
}

/** What JSON says of a value, readable from any language. `undefined`, functions and symbols have no form. */
export function json<T>(): ReplicaCodec<T> {
  return {
    name: 'json',
    encode: (value) => {
      const text: string | undefined = JSON.stringify(value)
      if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`)
      return Buffer.from(text)
    },
    decode: (bytes) => JSON.parse(bytes.toString()) as T,
  }
}

/** Bytes as they are. Every read returns bytes of the caller's own. */
export function raw(): ReplicaCodec<Uint8Array> {
  return {
    name: 'raw',
    private: true,
    encode: (value) => {
      if (value instanceof Uint8Array) return Buffer.from(value)
      throw new TypeError('A value must be bytes here')
    },
    decode: (bytes) => bytes,
  }
}

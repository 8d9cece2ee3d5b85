import { promisify } from 'node:util'
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from 'node:zlib'
import { decodeBody, joinBody, SYNC_BYTES, valueInBody } from '../entry/body.ts'
import type { Body } from '../entry/entry.ts'
import type { JsonValue } from '../entry/json.ts'
import { emit } from '../events.ts'
import type { ContentEncoding, FetchedBody } from '../kck/kck.ts'
import type { EntryStore } from '../ports/entry-store.ts'

const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }

/** A body in memory, with the encodings it was asked for so far. */
export class MemoryBody implements FetchedBody {
  readonly encoding: FetchedBody['encoding']
  readonly length: number
  /** Bytes that all kept encodings take. */
  size: number
  readonly #forms = new Map<ContentEncoding, Uint8Array>()
  readonly #pending = new Map<ContentEncoding, Promise<Uint8Array>>()

  constructor(body: Body, stored: Uint8Array) {
    this.encoding = body.encoding
    this.length = body.length
    this.size = stored.length
    this.#forms.set(body.encoding, stored)
  }

  bytes(encoding: ContentEncoding): Uint8Array | Promise<Uint8Array> {
    const known = this.#forms.get(encoding) ?? this.#pending.get(encoding)
    if (known !== undefined) return known
    const made = encoding === 'identity' ? this.#plain() : this.#encoded(encoding)
    return made instanceof Promise ? this.#await(encoding, made) : this.#keep(encoding, made)
  }

  async value(): Promise<JsonValue> {
    // What a stored body holds was written from a JsonValue.
    return valueInBody(await this.bytes('identity')) as JsonValue
  }

  #plain(): Uint8Array | Promise<Uint8Array> {
    const stored = this.#forms.get(this.encoding)
    if (!stored) throw new Error('a body keeps its stored form')
    return decodeBody(stored, this.encoding, this.length)
  }

  #encoded(encoding: Exclude<ContentEncoding, 'identity'>): Uint8Array | Promise<Uint8Array> {
    const plain = this.bytes('identity')
    if (plain instanceof Promise) return plain.then((bytes) => compressLater(bytes, encoding))
    return plain.length <= SYNC_BYTES ? compressNow(plain, encoding) : compressLater(plain, encoding)
  }

  #keep(encoding: ContentEncoding, bytes: Uint8Array): Uint8Array {
    if (!this.#forms.has(encoding)) {
      this.#forms.set(encoding, bytes)
      this.size += bytes.length
    }
    return bytes
  }

  #await(encoding: ContentEncoding, made: Promise<Uint8Array>): Promise<Uint8Array> {
    const kept = made.then((bytes) => this.#keep(encoding, bytes)).finally(() => this.#pending.delete(encoding))
    this.#pending.set(encoding, kept)
    return kept
  }
}

function compressNow(plain: Uint8Array, encoding: Exclude<ContentEncoding, 'identity'>): Uint8Array {
  if (encoding === 'gzip') return gzipSync(plain)
  if (encoding === 'zstd') return zstdCompressSync(plain)
  return brotliCompressSync(plain, BROTLI)
}

function compressLater(plain: Uint8Array, encoding: Exclude<ContentEncoding, 'identity'>): Promise<Uint8Array> {
  if (encoding === 'gzip') return promisify<Uint8Array, Buffer>(gzip)(plain)
  if (encoding === 'zstd') return promisify<Uint8Array, Buffer>(zstdCompress)(plain)
  return promisify<Uint8Array, object, Buffer>(brotliCompress)(plain, BROTLI)
}

/** The body of an entry, checked; null (and a `fault` event) when what the store holds is not what was stored. */
export async function loadBody(
  entries: EntryStore,
  key: string,
  body: Body,
  signal?: AbortSignal,
): Promise<MemoryBody | null> {
  const chunks = body.inline ? null : await entries.getChunks(key, body.id, body.chunks, signal ? { signal } : {})
  const stored = await joinBody(body, chunks)
  if (stored) return new MemoryBody(body, stored)
  emit({ type: 'fault', where: 'reading a body', key, error: new Error('the stored body is damaged or incomplete') })
  return null
}

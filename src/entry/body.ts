import { hash as digest } from 'node:crypto'
import { promisify } from 'node:util'
import {
  constants,
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { KckError } from '../errors.ts'
import type { Body, BodyEncoding } from './entry.ts'

/** Bodies up to this many stored bytes lie in the row itself. */
const INLINE_BYTES = 64 * 1024
/** Longer ones lie in chunks of this size: rows and pages of Amazon Keyspaces end at 1 MB. */
const CHUNK_BYTES = 512 * 1024
/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 1024
/** Compressed bodies are kept only when they are at most this share of the plain ones. */
const WORTH_IT = 0.9
/** Up to here work is done at once; above, on a thread, so that no other request waits for it. */
export const SYNC_BYTES = 1024 * 1024
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }

export type Compression = 'zstd' | 'gzip' | 'none'

export interface Envelope {
  readonly key: string
  /** The value's JSON text. */
  readonly valueJson: string
  readonly version: number
  /** Milliseconds. */
  readonly modified: number
}

export interface EncodedBody {
  readonly body: Body
  /** The stored bytes, in pieces of at most `CHUNK_BYTES`; empty when inline. */
  readonly chunks: readonly Uint8Array[]
}

export function hash(bytes: Uint8Array | string): string {
  return digest('sha256', bytes, 'hex').slice(0, 32)
}

/** The response body, as it is stored and served. */
export async function encodeBody(
  envelope: Envelope,
  as: { readonly id: string; readonly compression: Compression; readonly chunksExpireAt: number | null },
): Promise<EncodedBody> {
  const { id, compression, chunksExpireAt } = as
  const plain = plainBody(envelope)
  const compressed = await compress(plain, compression)
  const encoding: BodyEncoding = compressed && compression !== 'none' ? compression : 'identity'
  const stored = compressed ?? plain
  const inline = stored.length <= INLINE_BYTES
  const chunks = inline ? [] : split(stored)
  return {
    body: {
      id,
      encoding,
      length: plain.length,
      checksum: hash(stored),
      inline: inline ? stored : null,
      chunks: chunks.length,
      chunksExpireAt: inline ? null : chunksExpireAt,
    },
    chunks,
  }
}

/** The response body as it is before encoding. */
export function plainBody({ key, valueJson, version, modified }: Envelope): Buffer {
  const time = new Date(modified).toISOString()
  return Buffer.from(`{"key":${JSON.stringify(key)},"value":${valueJson},"version":${version},"modified":"${time}"}`)
}

async function compress(plain: Buffer, compression: Compression): Promise<Buffer | null> {
  if (compression === 'none' || plain.length < COMPRESS_FROM_BYTES) return null
  const compressed = await encode(plain, compression)
  return compressed.length <= plain.length * WORTH_IT ? compressed : null
}

function encode(plain: Buffer, encoding: 'zstd' | 'gzip'): Buffer | Promise<Buffer> {
  const sync = plain.length <= SYNC_BYTES
  if (encoding === 'zstd')
    return sync ? zstdCompressSync(plain, ZSTD) : promisify<Buffer, object, Buffer>(zstdCompress)(plain, ZSTD)
  return sync ? gzipSync(plain) : promisify<Buffer, Buffer>(gzip)(plain)
}

function split(bytes: Buffer): readonly Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES)
    chunks.push(bytes.subarray(start, start + CHUNK_BYTES))
  return chunks
}

/** A body that claims to be longer is not one of ours, and nothing is set aside for it. */
const MAX_BODY_BYTES = 256 * 1024 * 1024
/** What compresses better than this is looked at before it is trusted. */
const SUSPICIOUS_RATIO = 200

/** The stored bytes of a body, or null when they are not what was stored (damaged, a piece gone, a bomb). */
export async function joinBody(body: Body, chunks: readonly Uint8Array[] | null): Promise<Uint8Array | null> {
  if (body.length > MAX_BODY_BYTES) return null
  const stored = body.inline ?? (chunks && chunks.length === body.chunks ? Buffer.concat(chunks) : null)
  if (!stored || hash(stored) !== body.checksum) return null
  if (body.length <= stored.length * SUSPICIOUS_RATIO) return stored
  try {
    await decodeBody(stored, body.encoding, body.length)
    return stored
  } catch {
    return null
  }
}

/** The plain bytes: `length` of them. Throws `INTERNAL` when the stored bytes hold more, fewer or something else. */
export function decodeBody(
  stored: Uint8Array,
  encoding: BodyEncoding,
  length: number,
): Uint8Array | Promise<Uint8Array> {
  if (encoding === 'identity') return ofLength(stored, length)
  const limit = { maxOutputLength: Math.max(length, 1) }
  const [now, later] = encoding === 'zstd' ? [zstdDecompressSync, zstdDecompress] : [gunzipSync, gunzip]
  try {
    if (length <= SYNC_BYTES) return ofLength(now(stored, limit), length)
  } catch (error) {
    throw error instanceof KckError ? error : notStored(error)
  }
  // In large pieces: the default of 16 KiB costs half of the time.
  return promisify<Uint8Array, object, Buffer>(later)(stored, { ...limit, chunkSize: SYNC_BYTES }).then(
    (plain) => ofLength(plain, length),
    (error: unknown) => {
      throw notStored(error)
    },
  )
}

function ofLength(plain: Uint8Array, length: number): Uint8Array {
  if (plain.length === length) return plain
  throw notStored(new Error(`${plain.length} bytes where ${length} were stored`))
}

function notStored(cause: unknown): KckError {
  return new KckError('INTERNAL', 'A stored body is not what was stored', { cause })
}

/** The value inside a plain response body. */
export function valueInBody(plain: Uint8Array): unknown {
  const envelope: unknown = JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8'))
  if (typeof envelope !== 'object' || envelope === null || !('value' in envelope)) {
    throw new KckError('INTERNAL', 'A stored body is not a response body')
  }
  return envelope.value
}

import { promisify } from 'node:util'
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib'
import { KckError } from '../errors.ts'
import type { ContentEncoding } from '../kck/kck.ts'
import { chooseEncoding, parseAcceptEncoding } from './negotiate.ts'
import { type HeaderList, listHeader } from './request.ts'
import type { EdgeResponse } from './respond.ts'

/** Bytes; below, one packet carries it either way. */
const compressFrom = 1400

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)
const brotliAsync = promisify(brotliCompress)

const encoders: Readonly<Record<Exclude<ContentEncoding, 'identity'>, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: (bytes) => gzipAsync(bytes, { level: 1 }),
  zstd: (bytes) => zstdAsync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  br: (bytes) => brotliAsync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
}

/** The encoding a caller gets for a body stored in `stored`. Throws `NOT_ACCEPTABLE` when the caller excludes them all. */
export function negotiateEncoding(headers: HeaderList, stored: ContentEncoding): ContentEncoding {
  const encoding = chooseEncoding(parseAcceptEncoding(listHeader(headers, 'accept-encoding')), stored)
  if (encoding === null) {
    throw new KckError('NOT_ACCEPTABLE', 'Accept-Encoding leaves out identity, gzip, zstd and br; accept one of them')
  }
  return encoding
}

/** An answer made for this request alone, compressed for those who ask for it. */
export async function compressed(response: EdgeResponse, headers: HeaderList): Promise<EdgeResponse> {
  const { body } = response
  if (body === null) return response
  const weights = parseAcceptEncoding(listHeader(headers, 'accept-encoding'))
  const encoding =
    body.byteLength < compressFrom && weights.identity > 0 ? 'identity' : negotiateEncoding(headers, 'gzip')
  if (encoding === 'identity') return response
  const bytes = await encoders[encoding](body)
  const length = response.headers.indexOf('content-length')
  return {
    ...response,
    headers: [
      ...response.headers.with(length + 1, String(bytes.byteLength)),
      'content-encoding',
      encoding,
      'vary',
      'accept-encoding',
    ],
    body: bytes,
  }
}

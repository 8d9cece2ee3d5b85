import { hash } from '../entry/body.ts'
import { KckError } from '../errors.ts'
import type { ContentEncoding, Fetched } from '../kck/kck.ts'
import type { EdgeContext, Exchange } from './exchange.ts'
import { bodyHeaders } from './fetch-headers.ts'
import type { EdgeResponse, FlatHeaders } from './respond.ts'

/**
 * The answer for a body that is larger than what carries answers here can take, as compressed as the caller allows: where
 * else it is. `headers` are those of a fetch; its link is for this caller alone and for some minutes, so nobody keeps it.
 */
export async function answerElsewhere(
  { largeBodies, limits }: EdgeContext,
  { request, signal }: Exchange,
  made: { readonly fetched: Fetched; readonly encoding: ContentEncoding; readonly bytes: Uint8Array },
  headers: FlatHeaders,
): Promise<EdgeResponse> {
  const { fetched, encoding, bytes } = made
  const note = { key: fetched.key }
  if (request.method === 'HEAD') {
    return { status: 200, headers: [...bodyHeaders(encoding, bytes.byteLength), ...headers], body: null, note }
  }
  if (!largeBodies) {
    const message = 'This value is larger than an answer can be here; Accept-Encoding: gzip may make it fit'
    throw new KckError('TOO_LARGE', message, { details: { limit: limits.answerBytes } })
  }
  const name = `${hash(`${fetched.key}\n${fetched.version}\n${fetched.contentHash}`)}.${encoding}`
  const contentEncoding = encoding === 'identity' ? {} : { contentEncoding: encoding }
  const link = await largeBodies.link({ name, contentType: 'application/json', bytes, ...contentEncoding }, { signal })
  const cacheControl = headers.indexOf('cache-control') + 1
  return {
    status: 303,
    headers: ['location', link, 'content-length', '0', ...headers.with(cacheControl, 'no-store')],
    body: null,
    note,
  }
}

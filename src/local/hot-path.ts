import type { IncomingMessage, ServerResponse } from 'node:http'
import { etagOf, isNotModified } from '../http/conditional.ts'
import type { Edge } from '../http/edge.ts'
import { bodyHeaders, fetchHeaders } from '../http/fetch-headers.ts'
import { acceptsJson, chooseEncoding, type EncodingWeights, parseAcceptEncoding } from '../http/negotiate.ts'
import type { RequestLogEntry } from '../http/request-log.ts'
import type { ContentEncoding, Fetched, Kck } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import type { ProductKey } from '../primer/registry.ts'

/**
 * The way of most requests: GET of a public product that lies in the near cache, with no header that asks for more.
 * It does what the edge does for such a request, byte for byte, with everything prepared that can be: the key by URL,
 * the headers by second, the encoding by `Accept-Encoding`. Anything unusual is left to the edge.
 */
export interface HotPath {
  /** True: answered. False: nothing was done yet. */
  tryAnswer(request: IncomingMessage, response: ServerResponse, requestId: string): boolean
}

interface Options {
  readonly edge: Edge
  readonly kck: Pick<Kck, 'peek'>
  readonly clock: Clock
}

/** The headers that the hot path understands; any other that is not `unusual` decides nothing. */
interface Asked {
  accept?: string
  'accept-encoding'?: string
  'if-none-match'?: string
  'if-modified-since'?: string
}

interface Hit {
  readonly url: string
  readonly asked: Asked
  readonly fetched: Fetched
  readonly encoding: ContentEncoding
  readonly body: Uint8Array
}

interface Answer {
  readonly headers: readonly string[]
  /** A small body as text of one character per byte: node:http writes headers and text in one piece, but not bytes. */
  readonly text: string | null
}

/** The headers of one value in this second. */
interface Prepared {
  readonly fetched: Pick<Fetched, 'asOf' | 'state' | 'version' | 'softExpiresAt' | 'hardExpiresAt'>
  readonly second: number
  readonly etag: string
  readonly headers: readonly string[]
  readonly answers: Partial<Record<ContentEncoding, Answer>>
}

/** URLs whose key is remembered. */
const rememberedUrls = 20_000
/** Different `Accept-Encoding` headers whose meaning is remembered; browsers together send a dozen. */
const rememberedEncodings = 64

const understood = new Set(['accept', 'accept-encoding', 'if-none-match', 'if-modified-since'])
/** Headers with which a request is the edge's: they ask for more than the value. */
const unusual = new Set([
  'authorization',
  'cache-control',
  'kck-after',
  'kck-timeout',
  'content-length',
  'transfer-encoding',
  'origin',
])
/** Bytes; larger ones are not worth a copy. */
const smallBytes = 8 * 1024
/** Up to here a near cache has the encoded bytes at once (`FetchedBody.bytes`). */
const synchronousBytes = 1024 * 1024

export function createHotPath({ edge, kck, clock }: Options): HotPath {
  const keys = new Map<string, ProductKey>()
  const encodings = new Map<string, EncodingWeights>()
  const prepared = new WeakMap<object, Prepared>()

  function keyOf(url: string): ProductKey | null {
    const known = keys.get(url)
    if (known !== undefined) return known
    const key = url.includes('?') ? null : edge.keyOf(url)
    if (key !== null) remember(keys, url, key, rememberedUrls)
    return key
  }

  function weightsOf(header: string | undefined): EncodingWeights {
    if (header === undefined) return parseAcceptEncoding(undefined)
    const known = encodings.get(header)
    if (known !== undefined) return known
    const weights = parseAcceptEncoding(header)
    remember(encodings, header, weights, rememberedEncodings)
    return weights
  }

  function prepare(fetched: Fetched, now: number): Prepared {
    const last = prepared.get(fetched.body)
    const second = Math.floor(now / 1000)
    if (last !== undefined && last.second === second && isSame(last.fetched, fetched)) return last
    const headers = [...fetchHeaders(fetched, { now, public: true, forced: false }), ...edge.commonHeaders]
    const next = { fetched, second, etag: etagOf(fetched), headers, answers: {} }
    prepared.set(fetched.body, next)
    return next
  }

  /** The key of a public product, and what is asked of it; null when it is not the hot path's to answer. */
  function read(
    request: IncomingMessage,
  ): { readonly key: string; readonly url: string; readonly asked: Asked } | null {
    const url = request.url ?? ''
    if (request.method !== 'GET' || !url.startsWith('/fetch/')) return null
    const asked = readHeaders(request.rawHeaders)
    const key = asked === null ? null : keyOf(url)
    return asked !== null && key !== null && edge.isPublic(key) ? { key: key.text, url, asked } : null
  }

  /** What to send. Everything is decided here; nothing is sent yet. */
  function find(request: IncomingMessage): Hit | null {
    const wanted = read(request)
    const fetched = wanted === null ? null : kck.peek(wanted.key)
    if (wanted === null || fetched === null || fetched.body.length > synchronousBytes) return null
    const encoding = chooseEncoding(weightsOf(wanted.asked['accept-encoding']), fetched.body.encoding)
    const body = encoding === null ? null : fetched.body.bytes(encoding)
    return encoding !== null && body instanceof Uint8Array ? { ...wanted, fetched, encoding, body } : null
  }

  function send({ asked, fetched, encoding, body }: Hit, response: ServerResponse, id: readonly string[]): number {
    const value = prepare(fetched, clock.now())
    const condition = { ifNoneMatch: asked['if-none-match'], ifModifiedSince: asked['if-modified-since'] }
    if (isNotModified(condition, value.etag, fetched.modified)) {
      response.writeHead(304, value.headers.concat(id)).end()
      return 304
    }
    value.answers[encoding] ??= answerOf(encoding, body, value.headers)
    const { headers, text } = value.answers[encoding]
    response.writeHead(200, headers.concat(id))
    if (text === null) response.end(body)
    else response.end(text, 'latin1')
    return 200
  }

  return {
    tryAnswer(request, response, requestId) {
      let hit: Hit | null = null
      try {
        hit = find(request)
      } catch {
        // Whatever is wrong with it, the edge knows how to say so.
      }
      if (hit === null) return false
      const status = send(hit, response, ['kck-request-id', requestId])
      edge.log?.(logEntry(hit, status, requestId, clock.now()))
      return true
    },
  }
}

function answerOf(encoding: ContentEncoding, body: Uint8Array, headers: readonly string[]): Answer {
  const isSmall = body.byteLength <= smallBytes
  return {
    headers: [...bodyHeaders(encoding, body.byteLength), ...headers],
    text: isSmall ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1') : null,
  }
}

/** Bounded without a list to keep in order: what is still in use is remembered again at once. */
function remember<T>(map: Map<string, T>, name: string, value: T, most: number): void {
  if (map.size >= most) map.clear()
  map.set(name, value)
}

function logEntry({ url, fetched, body }: Hit, status: number, requestId: string, now: number): RequestLogEntry {
  const bytes = status === 200 ? body.byteLength : 0
  return { level: 'info', time: now, requestId, method: 'GET', path: url, status, ms: 0, bytes, key: fetched.key }
}

/** Null: a header is there, or there twice, that the edge has to look at. */
function readHeaders(raw: readonly string[]): Asked | null {
  const asked: Asked = {}
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    if (unusual.has(name)) return null
    if (!isUnderstood(name)) continue
    if (asked[name] !== undefined) return null
    asked[name] = raw[i + 1] ?? ''
  }
  return acceptsJson(asked.accept) ? asked : null
}

function isUnderstood(name: string): name is keyof Asked {
  return understood.has(name)
}

function isSame(a: Prepared['fetched'], b: Prepared['fetched']): boolean {
  return (
    a.asOf === b.asOf &&
    a.version === b.version &&
    a.state === b.state &&
    a.softExpiresAt === b.softExpiresAt &&
    a.hardExpiresAt === b.hardExpiresAt
  )
}

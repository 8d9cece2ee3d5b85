import { lookup as systemLookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { KckError } from '../../errors.ts'
import { isPublicAddress } from './addresses.ts'

export interface RemoteFetcherOptions {
  /** Origins that may be read: `https://api.example.com`, `https://*.example.org`, `http://old.example.com:8080`. */
  readonly allow: readonly string[]
  /** Those of them that may be on this machine or a private network. @default none */
  readonly allowPrivate?: readonly string[]
  /** Milliseconds for the whole of a call, redirects included. @default 10_000 */
  readonly timeoutMs?: number
  /** Bytes of a response's body. @default 16 MiB */
  readonly maxBytes?: number
  /** Addresses of a host name. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

interface RemoteRequest {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

interface RemoteResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
  text(): string
  json(): unknown
}

export type RemoteFetcher = (url: string, request?: RemoteRequest) => Promise<RemoteResponse>

const maxRedirects = 5

/**
 * A `GET` for primers that read remote sources. Only origins that are allowed are asked, at public addresses only, also
 * behind every redirect; the address that was checked is the one that is connected to. Throws `COMPUTE_FAILED` for what
 * is not allowed, `SOURCE_UNAVAILABLE` when there is no answer, `TOO_LARGE`, `DEADLINE_EXCEEDED`.
 */
export function createRemoteFetcher(options: RemoteFetcherOptions): RemoteFetcher {
  const allowed = options.allow.map(parseOrigin)
  const allowedPrivate = (options.allowPrivate ?? []).map(parseOrigin)
  const resolve = options.resolve ?? resolveBySystem
  const maxBytes = options.maxBytes ?? 16 * 1024 * 1024

  async function get(url: URL, request: RemoteRequest, signal: AbortSignal): Promise<IncomingMessage> {
    if (!allowed.some((origin) => matches(origin, url)) || url.username !== '' || url.password !== '') {
      throw new KckError('COMPUTE_FAILED', 'A remote source that is not allowed was asked for; see allow')
    }
    const mayBePrivate = allowedPrivate.some((origin) => matches(origin, url))
    const check = (address: string) => {
      if (!mayBePrivate && !isPublicAddress(address)) throw privateAddress()
    }
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host)) check(host)
    return send(url, { headers: request.headers ?? {}, signal, lookup: checkedLookup(resolve, check) })
  }

  async function follow(start: URL, request: RemoteRequest, signal: AbortSignal): Promise<RemoteResponse> {
    let url = start
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      // What was meant for one origin (a token, an API key) is none of the next one's business.
      const answer = await get(url, url.origin === start.origin ? request : {}, signal)
      const next = redirectOf(answer, url)
      if (next === null) return toResponse(answer, maxBytes)
      answer.destroy()
      url = next
    }
    throw new KckError('COMPUTE_FAILED', `A remote source redirected more than ${maxRedirects} times`)
  }

  return async (text, request = {}) => {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000)
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout
    try {
      return await follow(parseUrl(text), request, signal)
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason
      throw failure(error, timeout.aborted)
    }
  }
}

interface Origin {
  readonly protocol: string
  readonly port: string
  /** Starts with a dot for `*.`. */
  readonly host: string
}

function parseOrigin(text: string): Origin {
  const [, protocol, wildcard = '', rest = ''] = /^(https?:)\/\/(\*\.)?([^/*?#@]+)$/.exec(text) ?? []
  const url = URL.canParse(`${protocol}//${rest}`) ? new URL(`${protocol}//${rest}`) : undefined
  if (protocol === undefined || url === undefined) {
    throw new KckError('INVALID_CONFIG', `allow: '${text}' is not an origin such as 'https://api.example.com'`)
  }
  return { protocol, port: url.port, host: wildcard === '' ? url.hostname : `.${url.hostname}` }
}

function matches({ protocol, port, host }: Origin, url: URL): boolean {
  const sameHost = host.startsWith('.') ? url.hostname.endsWith(host) : url.hostname === host
  return sameHost && url.protocol === protocol && url.port === port
}

function parseUrl(text: string, base?: string): URL {
  if (!URL.canParse(text, base)) throw new KckError('COMPUTE_FAILED', 'The address of a remote source is not a URL')
  return new URL(text, base)
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | null {
  const isRedirect = [301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined
  return isRedirect ? parseUrl(headers.location ?? '', from.href) : null
}

const privateAddress = () =>
  new KckError('COMPUTE_FAILED', 'A remote source is at an address of this machine or of a private network')

async function resolveBySystem(host: string): Promise<readonly string[]> {
  return (await systemLookup(host, { all: true })).map(({ address }) => address)
}

/** The resolver as the socket calls it, so that what is checked here is what is connected to: no second look-up. */
function checkedLookup(
  resolve: (host: string) => Promise<readonly string[]>,
  check: (address: string) => void,
): LookupFunction {
  return (host, { all }, callback) => {
    const answer = async () => {
      const addresses = await resolve(host)
      for (const address of addresses) check(address)
      return addresses.map((address) => ({ address, family: isIP(address) }))
    }
    answer().then(
      (found) => {
        const [first = { address: '', family: 0 }] = found
        if (all) callback(null, found)
        else callback(null, first.address, first.family)
      },
      (error: Error) => callback(error, '', 0),
    )
  }
}

interface Sending {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly lookup: LookupFunction
}

function send(url: URL, { headers, signal, lookup }: Sending): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    // No agent: a kept connection would be used again without looking at its address.
    request(url, { headers, signal, lookup, agent: false }, resolve).on('error', reject).end()
  })
}

async function toResponse(answer: IncomingMessage, maxBytes: number): Promise<RemoteResponse> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw new KckError('TOO_LARGE', `A remote source answered more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body,
    text: () => body.toString(),
    json: () => JSON.parse(body.toString()),
  }
}

function failure(error: unknown, late: boolean): KckError {
  if (error instanceof KckError) return error
  return late
    ? new KckError('DEADLINE_EXCEEDED', 'A remote source did not answer in time', { cause: error })
    : new KckError('SOURCE_UNAVAILABLE', 'A remote source did not answer', { cause: error })
}

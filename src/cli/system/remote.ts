import { type ErrorCode, KckError } from '../../errors.ts'
import type { Updated } from '../../kck/kck.ts'
import type { KeyQuery } from '../../operate/contract.ts'
import type { Accepted } from '../../write/api.ts'
import type { FetchDirectives, System } from './system.ts'

/** Milliseconds for which a command waits; the system's own deadline is shorter. */
const timeoutMs = 60_000

interface Sent {
  readonly headers?: Record<string, string>
  readonly body?: unknown
  /** A status of failure that is an answer too. */
  readonly alsoStatus?: number
}

/** A deployed system over its HTTP API. Throws `KckError` with the code that the system gave. */
export function remoteSystem(url: string, token: string | undefined): System {
  const base = baseOf(url)
  const ask = async (method: string, path: string, send: Sent = {}) => {
    const headers = {
      accept: 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(send.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...send.headers,
    }
    const body = send.body === undefined ? {} : { body: JSON.stringify(send.body) }
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(`${base}${path}`, { method, headers, signal, ...body }).catch((cause: unknown) => {
      throw new KckError('STORE_UNAVAILABLE', `${base} does not answer`, { cause })
    })
    // The system's own answers are what its OpenAPI document says.
    // biome-ignore lint/suspicious/noExplicitAny: checked by whoever uses it.
    const answer: any = await response.json().catch(() => null)
    if (!(response.ok || response.status === send.alsoStatus)) throw problemIn(response.status, answer, base)
    return { answer, headers: response.headers }
  }
  const get = async <T>(path: string) => (await ask('GET', path)).answer as T

  return {
    fetch: async (key, request = {}) => {
      const { answer, headers } = await ask('GET', `/fetch/${key}`, { headers: directivesOf(request) })
      return {
        ...answer,
        state: headers.get('kck-state') ?? 'unknown',
        from: fromOf(headers.get('cache-status') ?? ''),
        ageMs: Number(headers.get('age') ?? 0) * 1000,
      }
    },
    update: async (updaterKey, body) =>
      (await ask('PUT', `/update/${updaterKey}`, { body })).answer as Updated | Accepted,
    refresh: async (name) => {
      const { answer, headers } = await ask('POST', `/refresh/${name}`)
      return { key: answer.key, version: answer.version, state: headers.get('kck-state') ?? 'unknown' }
    },
    invalidate: async (key) => (await ask('DELETE', `/fetch/${key}`)).answer.invalidated,
    purge: async (key) => (await ask('DELETE', `/fetch/${key}?purge`)).answer.purged,
    writes: {
      list: () => get('/operate/writes'),
      retry: async (id) => (await ask('POST', `/writes/${id}`)).answer.id,
      discard: async (id) => {
        await ask('DELETE', `/writes/${id}`)
      },
    },
    // Who does not work says so with a status of failure and the same body.
    health: async () => (await ask('GET', '/healthz', { alsoStatus: 503 })).answer,
    operate: {
      explain: (key) => get(`/explain/${key}`),
      keys: (query) => get(`/operate/keys?${queryOf(query)}`),
      dump: (query) => get(`/operate/dump?${queryOf(query)}`),
      load: async (entries) => (await ask('POST', '/operate/load', { body: { entries } })).answer.loaded,
      graph: () => get('/operate/graph'),
      backlog: ({ limit = 100 } = {}) => get(`/operate/queue?limit=${limit}`),
      discard: async (key) => (await ask('POST', `/operate/discard/${key}`)).answer.discarded,
    },
    products: async () => {
      const { nodes } = await get<{ nodes: readonly { kind: string; label: string }[] }>('/operate/graph')
      return nodes.filter(({ kind }) => kind === 'product').map(({ label }) => label)
    },
  }
}

function baseOf(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '')
  throw new KckError('BAD_REQUEST', `--url ${url} is no address; write https://...`)
}

function queryOf({ primer, limit = 100, after }: KeyQuery): URLSearchParams {
  return new URLSearchParams({ primer, limit: String(limit), ...(after === undefined ? {} : { after }) })
}

function directivesOf({ maxAgeMs, maxStaleMs, onlyIfCached, noCache }: FetchDirectives): Record<string, string> {
  const directives = [
    ...(maxAgeMs === undefined ? [] : [`max-age=${Math.floor(maxAgeMs / 1000)}`]),
    ...(maxStaleMs === undefined ? [] : [`max-stale=${Math.floor(maxStaleMs / 1000)}`]),
    ...(onlyIfCached ? ['only-if-cached'] : []),
    ...(noCache ? ['no-cache'] : []),
  ]
  return directives.length === 0 ? {} : { 'cache-control': directives.join(', ') }
}

/** The tier of a `Cache-Status` header. */
function fromOf(cacheStatus: string): string {
  return /detail=([\w-]+)/.exec(cacheStatus)?.[1] ?? (cacheStatus.includes('fwd=') ? 'compute' : 'unknown')
}

function problemIn(status: number, answer: unknown, base: string): KckError {
  const { code, detail, details } = (answer ?? {}) as { code?: ErrorCode; detail?: string; details?: object }
  if (code && detail) return new KckError(code, detail, details ? { details: { ...details } } : {})
  const hint = status === 404 ? '; is it the address of a KCK?' : ''
  return new KckError('INTERNAL', `${base} answered ${status} without saying why${hint}`)
}

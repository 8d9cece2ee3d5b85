/**
 * The HTTP API as typed calls, for browsers and servers. `kck client` writes the types of a project's products and
 * updaters and a `connect` that gives a `Client` of them. Needs nothing but `fetch`.
 */
export interface Client<P extends ProductTypes<P>, U extends UpdaterTypes<U>> {
  /** A product. Throws `ClientError`. */
  fetch<N extends keyof P & string>(
    name: N,
    parameters: P[N]['parameters'],
    options?: FetchOptions,
  ): Promise<FetchedProduct<P[N]['value']>>
  /** Writes through an updater; `key`: null inserts. Throws `ClientError`. */
  update<N extends keyof U & string>(
    name: N,
    key: U[N]['key'] | null,
    body: U[N]['body'],
    options?: CallOptions,
  ): Promise<UpdateResult>
}

/** For each name what it takes and gives; an interface, as `kck client` writes it. */
export type ProductTypes<P> = { readonly [N in keyof P]: { readonly parameters: object; readonly value: unknown } }
export type UpdaterTypes<U> = { readonly [N in keyof U]: { readonly key: object; readonly body: unknown } }

export interface ClientOptions {
  /** Where the API is: `https://api.example.com`. */
  readonly url: string
  /** A bearer token, or what gets one for each request. */
  readonly token?: string | (() => string | Promise<string>)
  /** @default the global one */
  readonly fetch?: typeof globalThis.fetch
}

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface FetchOptions extends CallOptions {
  /** Accept nothing older. Seconds. */
  readonly maxAge?: number
  /** Accept what has been stale for at most this long. Seconds. */
  readonly maxStale?: number
  readonly onlyIfCached?: boolean
  readonly noCache?: boolean
  /** The `after` of an update: never an answer from before it. */
  readonly after?: string
}

export interface FetchedProduct<V> {
  readonly key: string
  readonly value: V
  readonly version: number
  /** ISO 8601. */
  readonly modified: string
  readonly state: 'fresh' | 'stale' | 'failed'
  /** Seconds since the sources were read. */
  readonly age: number
}

export interface UpdateResult {
  readonly rowCount: number
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  /** Keys of products that are stale now, at most 100. */
  readonly changed: readonly string[]
  readonly changedCount: number
  /** To be passed to a fetch that must see this write. */
  readonly after: string | null
}

/** An answer that is no success: RFC 9457's problem, as far as there was one. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly status: number
  /** KCK's own: `COMPUTE_FAILED`, `FORBIDDEN`, ... */
  readonly code: string
  /** Seconds after which it is worth asking again; null: the service does not say. */
  readonly retryAfter: number | null

  constructor(status: number, problem: { code?: string; detail?: string }, retryAfter: number | null) {
    super(problem.detail ?? `The service answered ${status}`)
    this.status = status
    this.code = problem.code ?? 'UNKNOWN'
    this.retryAfter = retryAfter
  }
}

/** The parameters of each product and each updater's key, in the order in which they stand in a URL. */
export interface ClientNames {
  readonly products: Readonly<Record<string, readonly string[]>>
  readonly updaters: Readonly<Record<string, readonly string[]>>
}

export function createClient<P extends ProductTypes<P>, U extends UpdaterTypes<U>>(
  names: ClientNames,
  { url, token, fetch = globalThis.fetch }: ClientOptions,
): Client<P, U> {
  const base = url.replace(/\/+$/, '')

  async function ask(
    method: string,
    path: string,
    init: { headers?: Record<string, string>; body?: string } & CallOptions,
  ) {
    const bearer = typeof token === 'function' ? await token() : token
    const headers = {
      accept: 'application/json',
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      ...init.headers,
    }
    const response = await fetch(`${base}${path}`, { ...init, method, headers })
    if (response.ok) return response
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string }
    const retryAfter = response.headers.get('retry-after')
    throw new ClientError(response.status, problem, retryAfter === null ? null : Number(retryAfter))
  }

  return {
    fetch: async (name, parameters, options = {}) => {
      const path = `/fetch/${pathOf(name, names.products, parameters)}`
      const response = await ask('GET', path, { headers: fetchHeaders(options), ...signalOf(options) })
      const { headers } = response
      const state = (headers.get('kck-state') ?? 'fresh') as FetchedProduct<unknown>['state']
      return { ...((await response.json()) as Envelope), state, age: Number(headers.get('age') ?? 0) }
    },
    update: async (name, key, body, options = {}) => {
      const path = `/update/${key === null ? encodeURIComponent(name) : pathOf(name, names.updaters, key)}`
      const headers = { 'content-type': 'application/json' }
      const response = await ask(key === null ? 'POST' : 'PUT', path, {
        headers,
        body: JSON.stringify(body),
        ...signalOf(options),
      })
      return { ...((await response.json()) as Omit<UpdateResult, 'after'>), after: response.headers.get('kck-after') }
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what the service gives under this name is what the types say.
type Envelope = Omit<FetchedProduct<any>, 'state' | 'age'>

function pathOf(name: string, orders: ClientNames['products'], parameters: object): string {
  const values = parameters as Readonly<Record<string, unknown>>
  return [name, ...(orders[name] ?? []).map((parameter) => String(values[parameter]).normalize())]
    .map(encodeURIComponent)
    .join('/')
}

const signalOf = ({ signal }: CallOptions) => (signal ? { signal } : {})

function fetchHeaders({ maxAge, maxStale, onlyIfCached, noCache, after }: FetchOptions): Record<string, string> {
  const directives = [
    ...(maxAge === undefined ? [] : [`max-age=${maxAge}`]),
    ...(maxStale === undefined ? [] : [`max-stale=${maxStale}`]),
    ...(onlyIfCached ? ['only-if-cached'] : []),
    ...(noCache ? ['no-cache'] : []),
  ]
  return {
    ...(directives.length === 0 ? {} : { 'cache-control': directives.join(', ') }),
    ...(after === undefined ? {} : { 'kck-after': after }),
  }
}

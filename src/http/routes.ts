import { KckError } from '../errors.ts'

export type RouteName =
  | 'fetch'
  | 'fetch-many'
  | 'invalidate'
  | 'update'
  | 'changed'
  | 'refresh'
  | 'write'
  | 'retry-write'
  | 'discard-write'
  | 'openapi'
  | 'health'
  | OperateRoute

type OperateRoute =
  | 'console'
  | 'activity'
  | 'products'
  | 'explain'
  | 'keys'
  | 'graph'
  | 'queue'
  | 'discard'
  | 'dump'
  | 'load'
  | 'writes'

export interface Route {
  readonly name: RouteName
  /** What follows the route's prefix, still percent-encoded: a key or an updater's key. */
  readonly rest: string
}

interface RoutePath {
  readonly path: string
  /** A key follows `path`. */
  readonly keyed: boolean
  readonly methods: Readonly<Record<string, RouteName>>
}

/** All there is. `/create` is the original KCK's name for an update without a row's key. */
const paths: readonly RoutePath[] = [
  { path: '/fetch/', keyed: true, methods: { GET: 'fetch', HEAD: 'fetch', DELETE: 'invalidate' } },
  { path: '/fetch', keyed: false, methods: { POST: 'fetch-many' } },
  { path: '/update/', keyed: true, methods: { PUT: 'update', POST: 'update' } },
  { path: '/create/', keyed: true, methods: { POST: 'update' } },
  { path: '/changed', keyed: false, methods: { POST: 'changed' } },
  { path: '/refresh/', keyed: true, methods: { POST: 'refresh' } },
  { path: '/explain/', keyed: true, methods: { GET: 'explain' } },
  { path: '/console', keyed: false, methods: { GET: 'console', HEAD: 'console' } },
  { path: '/console/', keyed: true, methods: { GET: 'console', HEAD: 'console' } },
  { path: '/operate/activity', keyed: false, methods: { GET: 'activity' } },
  { path: '/operate/products', keyed: false, methods: { GET: 'products' } },
  { path: '/operate/keys', keyed: false, methods: { GET: 'keys' } },
  { path: '/operate/graph', keyed: false, methods: { GET: 'graph' } },
  { path: '/writes/', keyed: true, methods: { GET: 'write', POST: 'retry-write', DELETE: 'discard-write' } },
  { path: '/operate/writes', keyed: false, methods: { GET: 'writes' } },
  { path: '/operate/queue', keyed: false, methods: { GET: 'queue' } },
  { path: '/operate/dump', keyed: false, methods: { GET: 'dump' } },
  { path: '/operate/load', keyed: false, methods: { POST: 'load' } },
  { path: '/operate/discard/', keyed: true, methods: { POST: 'discard' } },
  { path: '/openapi.json', keyed: false, methods: { GET: 'openapi', HEAD: 'openapi' } },
  { path: '/healthz', keyed: false, methods: { GET: 'health', HEAD: 'health' } },
]

/** The methods of a path; null where there is no such path. */
export function methodsOf(rawPath: string): readonly string[] | null {
  const found = pathOf(rawPath)
  return found === undefined ? null : Object.keys(found.methods)
}

/** Throws `NOT_FOUND` for an unknown path and `METHOD_NOT_ALLOWED` (with `details.allow`) for a wrong method. */
export function route(method: string, rawPath: string): Route {
  const found = pathOf(rawPath)
  if (found === undefined) throw new KckError('NOT_FOUND', 'There is no such route; GET /openapi.json lists them')
  const name = Object.hasOwn(found.methods, method) ? found.methods[method] : undefined
  if (name === undefined) {
    const allow = Object.keys(found.methods)
    throw new KckError('METHOD_NOT_ALLOWED', `Use ${allow.join(' or ')} here`, { details: { allow } })
  }
  return { name, rest: found.keyed ? rawPath.slice(found.path.length) : '' }
}

function pathOf(rawPath: string): RoutePath | undefined {
  return paths.find(({ path, keyed }) => (keyed ? rawPath.startsWith(path) : rawPath === path))
}

import { nearest } from '../text/nearest.ts'
import { type Problem, plainObject } from './reader.ts'

export type Environment = Readonly<Record<string, string | undefined>>

type Kind = 'text' | 'number' | 'flag' | 'list'
type Variable = readonly [setting: string, kind: Kind]

const variables: Readonly<Record<string, Variable>> = {
  KCK_PRIMERS: ['primers', 'text'],
  KCK_UPDATERS: ['updaters', 'text'],
  KCK_PRIME_ON_CACHE_MISS: ['primeOnCacheMiss', 'flag'],
  KCK_HOST: ['server.host', 'text'],
  KCK_PORT: ['server.port', 'number'],
  KCK_WORKERS: ['server.workers', 'number'],
  KCK_DEADLINE: ['limits.deadline', 'text'],
  KCK_REPLICA_PATH: ['replica.path', 'text'],
  KCK_LARGE_BODIES_BUCKET: ['largeBodies.bucket', 'text'],
  KCK_LARGE_BODIES_REGION: ['largeBodies.region', 'text'],
  KCK_LARGE_BODIES_ENDPOINT: ['largeBodies.endpoint', 'text'],
  KCK_AUTH_ISSUER: ['auth.issuer', 'text'],
  KCK_AUTH_USER_POOL_ID: ['auth.userPoolId', 'text'],
  KCK_AUTH_CLIENT_ID: ['auth.clientId', 'list'],
  KCK_AUTH_AUDIENCE: ['auth.audience', 'list'],
  KCK_AUTH_JWKS: ['auth.jwks', 'text'],
}

/** These count only for the store they belong to: `CASSANDRA_PORT` may be there for another program. */
const storeVariables: Readonly<Record<string, Readonly<Record<string, Variable>>>> = {
  lmdb: { KCK_STORE_PATH: ['store.path', 'text'] },
  cassandra: {
    CASSANDRA_CONTACT_POINTS: ['store.contactPoints', 'list'],
    CASSANDRA_PORT: ['store.port', 'number'],
    CASSANDRA_LOCAL_DATA_CENTER: ['store.localDataCenter', 'text'],
    CASSANDRA_KEYSPACE: ['store.keyspace', 'text'],
    CASSANDRA_REPLICATION: ['store.replication', 'text'],
    CASSANDRA_USERNAME: ['store.username', 'text'],
    CASSANDRA_PASSWORD: ['store.password', 'text'],
    CASSANDRA_TLS: ['store.tls', 'flag'],
    CASSANDRA_CA: ['store.ca', 'text'],
  },
  keyspaces: {
    KCK_STORE_REGION: ['store.region', 'text'],
    KCK_STORE_KEYSPACE: ['store.keyspace', 'text'],
    KCK_STORE_HOSTS: ['store.hosts', 'number'],
    KCK_STORE_ENDPOINT: ['store.endpoint', 'text'],
  },
}

/** As for the stores. */
const queueVariables: Readonly<Record<string, Readonly<Record<string, Variable>>>> = {
  lmdb: { KCK_QUEUE_PATH: ['queue.path', 'text'] },
  sqs: {
    KCK_QUEUE_HOT_URL: ['queue.urls.hot', 'text'],
    KCK_QUEUE_NORMAL_URL: ['queue.urls.normal', 'text'],
    KCK_QUEUE_IDLE_URL: ['queue.urls.idle', 'text'],
    KCK_QUEUE_REGION: ['queue.region', 'text'],
    KCK_QUEUE_ENDPOINT: ['queue.endpoint', 'text'],
  },
}

/** As for the stores. */
const snapshotVariables: Readonly<Record<string, Readonly<Record<string, Variable>>>> = {
  s3: {
    KCK_REPLICA_BUCKET: ['replica.snapshots.bucket', 'text'],
    KCK_REPLICA_REGION: ['replica.snapshots.region', 'text'],
    KCK_REPLICA_ENDPOINT: ['replica.snapshots.endpoint', 'text'],
  },
}

const sourceSuffixes: Readonly<Record<string, string>> = {
  URL: 'connectionString',
  RESOURCE_ARN: 'resourceArn',
  SECRET_ARN: 'secretArn',
  DATABASE: 'database',
}

export interface Overlaid {
  readonly settings: unknown
  /** Setting to the variable that gave it, for messages. */
  readonly origins: ReadonlyMap<string, string>
}

/** The file's settings with those of the environment over them. An empty variable counts as missing. */
export function applyEnvironment(file: unknown, environment: Environment, problems: Problem[]): Overlaid {
  const settings = structure(file)
  if (settings === undefined) return { settings: file, origins: new Map() }
  const origins = new Map<string, string>()
  settings['store'] ??= { kind: 'lmdb' }
  chooseKind('store', environment['KCK_STORE'], { settings, origins, variable: 'KCK_STORE' })
  chooseQueue(settings, environment, origins)
  chooseSnapshots(settings, environment)
  chooseSource(settings, environment, origins)
  chooseClusters(settings, environment)
  chooseIssuer(settings, environment)
  const known = {
    ...variables,
    ...storeVariables[kindOf(settings, 'store')],
    ...queueVariables[kindOf(settings, 'queue')],
    ...snapshotVariables[kindOf(plainObject(settings['replica']) ?? {}, 'snapshots')],
    ...sourceVariables(settings),
  }
  for (const [name, [setting, kind]] of Object.entries(known)) {
    const text = environment[name]
    if (!text) continue
    put(settings, setting.split('.'), convert(text, kind))
    origins.set(setting, name)
  }
  reportTypos(environment, known, problems)
  return { settings, origins }
}

type Tree = Record<string, unknown>

const kindOf = (settings: Tree, part: string) => String(plainObject(settings[part])?.['kind'])

/** The environment names another kind than the file: the file's settings of its own kind mean nothing then. */
function chooseKind(
  part: string,
  kind: string | undefined,
  to: { readonly settings: Tree; readonly origins: Map<string, string>; readonly variable: string },
): void {
  if (!kind) return
  if (kind !== kindOf(to.settings, part)) to.settings[part] = { kind }
  to.origins.set(`${part}.kind`, to.variable)
}

/** The URL of a queue says of which kind it is. */
function chooseQueue(settings: Tree, environment: Environment, origins: Map<string, string>): void {
  const named = environment['KCK_QUEUE']
  const variable = named ? 'KCK_QUEUE' : 'KCK_QUEUE_HOT_URL'
  chooseKind('queue', named || (environment[variable] && 'sqs'), { settings, origins, variable })
}

/** A bucket is one of S3, whatever keeps the snapshots of a laptop. */
function chooseSnapshots(settings: Tree, environment: Environment): void {
  const replica = plainObject(settings['replica']) ?? {}
  if (!environment['KCK_REPLICA_BUCKET'] || kindOf(replica, 'snapshots') === 's3') return
  settings['replica'] = { ...replica, snapshots: { kind: 's3' } }
}

/** `DATABASE_URL` makes the only source a PostgreSQL server, whatever kind the file gives it. */
function chooseSource(settings: Tree, environment: Environment, origins: Map<string, string>): void {
  settings['sources'] ??= { main: { kind: 'pglite' } }
  const [[name, source] = [], ...more] = Object.entries(plainObject(settings['sources']) ?? {})
  const connectionString = environment['DATABASE_URL']
  if (!connectionString || name === undefined || more.length > 0) return
  const { statementTimeout, budget } = plainObject(source) ?? {}
  settings['sources'] = { [name]: { kind: 'postgres', connectionString, statementTimeout, budget } }
  origins.set(`sources.${name}.connectionString`, 'DATABASE_URL')
}

/** The ARN of a cluster says that the source is behind the Data API, whatever it is on a laptop. */
function chooseClusters(settings: Tree, environment: Environment): void {
  const sources = plainObject(settings['sources'])
  if (!sources) return
  settings['sources'] = Object.fromEntries(
    Object.entries(sources).map(([name, source]) => {
      const { kind, statementTimeout, budget } = plainObject(source) ?? {}
      const isOther = environment[`KCK_SOURCE_${name.toUpperCase()}_RESOURCE_ARN`] && kind !== 'rds-data'
      return [name, isOther ? { kind: 'rds-data', statementTimeout, budget } : source]
    }),
  )
}

/** The key of a development machine gives way to the issuer that the environment names. */
function chooseIssuer(settings: Tree, environment: Environment): void {
  const auth = plainObject(settings['auth'])
  if (auth?.['issuer'] !== 'local' || !environment['KCK_AUTH_USER_POOL_ID']) return
  const { issuer: _, ...rest } = auth
  settings['auth'] = rest
}

function sourceVariables(settings: Tree): Record<string, Variable> {
  const names = Object.keys(plainObject(settings['sources']) ?? {})
  return Object.fromEntries(
    names.flatMap((source) =>
      Object.entries(sourceSuffixes).map(([suffix, setting]): [string, Variable] => [
        `KCK_SOURCE_${source.toUpperCase()}_${suffix}`,
        [`sources.${source}.${setting}`, 'text'],
      ]),
    ),
  )
}

/** A variable that is nearly one of ours does nothing, and its author should know. */
function reportTypos(environment: Environment, known: object, problems: Problem[]): void {
  const ours = ['KCK_STORE', 'KCK_QUEUE', ...Object.keys(known)].filter((name) => name.startsWith('KCK_'))
  const endings = ours.map((name) => name.slice('KCK_'.length))
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('KCK_') || ours.includes(name) || isOfOtherKind(name)) continue
    const near = nearest(name.slice('KCK_'.length), endings)
    if (near)
      problems.push({ setting: name, message: `is not an environment variable of KCK; did you mean KCK_${near}?` })
  }
}

const isOfOtherKind = (name: string) =>
  [storeVariables, queueVariables, snapshotVariables].some((part) => Object.values(part).some((group) => name in group))

function convert(text: string, kind: Kind): unknown {
  if (kind === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (kind === 'list') return text.split(',').map((item) => item.trim())
  if (kind === 'flag')
    return (
      new Map<string, unknown>([
        ['true', true],
        ['1', true],
        ['false', false],
        ['0', false],
      ]).get(text) ?? text
    )
  return text
}

/** A copy whose objects can be written to; what is no object stays what it is. */
function structure(value: unknown): Tree | undefined {
  const tree = plainObject(value)
  return tree && Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, structure(item) ?? item]))
}

function put(tree: Tree, [name, ...rest]: readonly string[], value: unknown): void {
  if (name === undefined) return
  if (rest.length === 0) {
    tree[name] = value
    return
  }
  // What is no object is left as it is, to be refused for that.
  if (plainObject(tree[name] ?? {}) === undefined) return
  tree[name] ??= {}
  put(tree[name] as Tree, rest, value)
}

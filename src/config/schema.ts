import {
  type Fields,
  object,
  optional,
  parsed,
  type Reader,
  required,
  secretOf,
  union,
  type ValuesOf,
} from './reader.ts'
import { access, choice, duration, flag, integer, rate, record, size, text, texts } from './readers.ts'

/** The shape of `kck.config.ts`, with every default that needs nothing else to be known. Documented in `config.ts`. */

/** A section that may be missing: then each of its settings has its default. */
function section<F extends Fields>(fields: F): Reader<ValuesOf<F>> {
  const reader = object(fields)
  return (value, at, problems) => reader(value === undefined ? {} : value, at, problems)
}

const keyspace = parsed('2 to 48 lower-case letters, digits and _, a letter first', (value) =>
  typeof value === 'string' && /^[a-z][a-z0-9_]{1,47}$/.test(value) ? value : undefined,
)

const store = union({
  memory: object({ kind: choice('memory') }),
  lmdb: object({ kind: choice('lmdb'), path: optional(text, '.kck/store') }),
  cassandra: object({
    kind: choice('cassandra'),
    contactPoints: optional(texts, ['127.0.0.1']),
    port: optional(integer(1, 65_535), 9042),
    localDataCenter: optional(text, 'datacenter1'),
    keyspace: optional(keyspace, 'kck'),
    replication: optional(text, null),
    username: optional(text, null),
    password: optional(
      secretOf('a text', (value) => (typeof value === 'string' ? value : undefined)),
      null,
    ),
    tls: optional(flag, false),
    ca: optional(text, null),
  }),
  keyspaces: object({
    kind: choice('keyspaces'),
    region: optional(text, null),
    keyspace: optional(keyspace, 'kck'),
    hosts: optional(integer(1, 9), 2),
    endpoint: optional(
      parsed('a host such as cassandra.eu-west-1.amazonaws.com, with or without :port', (value) =>
        typeof value === 'string' && /^[\w.-]+(:\d{1,5})?$/.test(value) ? value : undefined,
      ),
      null,
    ),
  }),
})

const replica = section({
  log: optional(
    union({
      file: object({ kind: choice('file'), path: optional(text, null) }),
      store: object({ kind: choice('store') }),
    }),
    null,
  ),
  path: optional(text, null),
  snapshots: optional(
    union({
      file: object({ kind: choice('file'), path: required(text, 'name a folder that all machines see') }),
      s3: object({
        kind: choice('s3'),
        bucket: required(text, 'name the bucket, here or as KCK_REPLICA_BUCKET'),
        prefix: optional(text, 'replica'),
        region: optional(text, null),
        endpoint: optional(text, null),
      }),
    }),
    null,
  ),
  maxAge: optional(duration(0), 5_000),
  snapshotEvery: optional(duration(60_000), 6 * 3_600_000),
  cacheBytes: optional(size(0, 1024 ** 4), 32 * 1024 ** 2),
})

const queueUrl = required(
  parsed('the URL of a standard queue (not .fifo)', (value) =>
    typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value) && !value.endsWith('.fifo')
      ? value
      : undefined,
  ),
  'set all three, here or as KCK_QUEUE_HOT_URL, KCK_QUEUE_NORMAL_URL and KCK_QUEUE_IDLE_URL',
)

const queue = union({
  memory: object({ kind: choice('memory') }),
  lmdb: object({ kind: choice('lmdb'), path: optional(text, null) }),
  sqs: object({
    kind: choice('sqs'),
    urls: section({ hot: queueUrl, normal: queueUrl, idle: queueUrl }),
    region: optional(text, null),
    endpoint: optional(text, null),
  }),
})

const everySource = {
  statementTimeout: optional(duration(), 60_000),
  budget: section({ concurrency: optional(integer(1, 1000), 8), perSecond: optional(rate, null) }),
}

const postgresUrl = secretOf('a URL such as postgres://user:password@host:5432/database', (value) =>
  typeof value === 'string' && /^postgres(ql)?:\/\//.test(value) && URL.canParse(value) ? value : undefined,
)

const arn = (service: string): Reader<string> =>
  parsed(`an ARN: arn:aws:${service}:...`, (value) =>
    typeof value === 'string' && new RegExp(`^arn:aws[a-z-]*:${service}:`).test(value) ? value : undefined,
  )

const source = union({
  pglite: object({
    kind: choice('pglite'),
    path: optional(
      parsed('a folder, or null', (value) => (value === null || typeof value === 'string' ? value : undefined)),
      undefined,
    ),
    init: optional(
      parsed('a file of SQL', (value) => (typeof value === 'string' ? value : undefined)),
      undefined,
    ),
    ...everySource,
  }),
  postgres: object({
    kind: choice('postgres'),
    connectionString: required(
      postgresUrl,
      'set it here, or KCK_SOURCE_<NAME>_URL, or DATABASE_URL where there is only one source',
    ),
    ...everySource,
  }),
  'rds-data': object({
    kind: choice('rds-data'),
    resourceArn: required(arn('rds'), "set it to the cluster's ARN, or KCK_SOURCE_<NAME>_RESOURCE_ARN"),
    secretArn: required(
      arn('secretsmanager'),
      "set it to the ARN of the user's secret, or KCK_SOURCE_<NAME>_SECRET_ARN",
    ),
    database: required(text, 'set it here, or KCK_SOURCE_<NAME>_DATABASE'),
    region: optional(text, null),
    ...everySource,
  }),
})

const auth = object({
  userPoolId: optional(text, undefined),
  issuer: optional(text, undefined),
  clientId: (value, at, problems) => (value === undefined || value === null ? value : texts(value, at, problems)),
  audience: optional(texts, null),
  allowAnyClient: optional(flag, false),
  tokenUse: optional(choice('access', 'id'), 'access'),
  jwks: optional(
    parsed('a URL, a file, or { keys: [...] }', (value) => {
      if (typeof value === 'string') return value
      const keys = (value as { keys?: unknown } | null)?.keys
      return Array.isArray(keys) ? (value as { readonly keys: readonly object[] }) : undefined
    }),
    undefined,
  ),
  maxLifetime: optional(duration(1000), 86_400_000),
  maxKeyAge: optional(duration(60_000), 3_600_000),
})

const mb = 1024 ** 2

export const configSchema = object({
  primers: optional(text, 'primers'),
  updaters: optional(text, null),
  primeOnCacheMiss: optional(flag, true),
  store: optional(store, { kind: 'lmdb', path: '.kck/store' }),
  queue: optional(queue, null),
  sources: optional(record(source, /^[A-Za-z]\w{0,63}$/, 'letters, digits and _, starting with a letter'), {
    main: source({ kind: 'pglite' }, '', []),
  }),
  auth: optional(auth, null),
  access: section({
    fetch: optional(access, null),
    update: optional(access, null),
    change: optional(access, null),
    admin: optional(access, null),
  }),
  writes: section({
    maxWaiting: optional(integer(1, 10_000_000), 10_000),
    maxWaitingBytes: optional(size(1, 1024 ** 4), 16 * mb),
    maxWriteBytes: optional(size(1, 256 * 1024), 64 * 1024),
  }),
  replica,
  nearCache: section({ maxBytes: optional(size(0, 1024 ** 4), 64 * mb), maxAge: optional(duration(0), 1000) }),
  largeBodies: optional(
    object({
      bucket: required(text, 'set it here, or KCK_LARGE_BODIES_BUCKET'),
      region: optional(text, null),
      endpoint: optional(text, null),
    }),
    null,
  ),
  limits: section({
    deadline: optional(duration(), 10_000),
    computeTimeout: optional(duration(), 300_000),
    bodyBytes: optional(size(1024, 100 * mb), mb),
    keysPerFetch: optional(integer(1, 10_000), 100),
    maxValueBytes: optional(size(1024, 1024 * mb), 64 * mb),
  }),
  server: section({
    host: optional(text, '127.0.0.1'),
    port: optional(integer(0, 65_535), 8001),
    workers: optional(integer(1, 256), 1),
    cors: optional(
      object({
        origin: required(texts, "name the origins, such as 'https://app.example.com'"),
        credentials: optional(flag, false),
        maxAge: optional(duration(0), 600_000),
      }),
      null,
    ),
  }),
})

export type Settings = ReturnType<typeof configSchema>

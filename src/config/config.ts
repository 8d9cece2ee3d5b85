import type { Access } from '../primer/definition.ts'
import type { Duration } from '../primer/duration.ts'

/** A size: `512kb`, `64mb`, `1gb` (powers of 1024), or a number of bytes. */
type Size = string | number

/**
 * What `kck.config.ts` exports. Where a setting is given in several places, the nearest wins: the call (a request's own
 * deadline), then the primer or updater, then the environment variable, then this file, then the default.
 */
export interface KckConfig {
  /** Folder of the primers, relative to this file. Environment: `KCK_PRIMERS`. @default 'primers' */
  readonly primers?: string
  /**
   * Folder of the updaters, relative to this file. Environment: `KCK_UPDATERS`. @default 'updaters' beside the primers,
   * when there is such a folder
   */
  readonly updaters?: string
  /**
   * Whether a missing product is computed when it is asked for; a primer's own setting wins. Environment:
   * `KCK_PRIME_ON_CACHE_MISS`. @default true
   */
  readonly primeOnCacheMiss?: boolean
  /** Where entries are kept. Environment: `KCK_STORE` (its kind). @default { kind: 'lmdb' } */
  readonly store?: StoreConfig
  /**
   * Where refresh requests wait. Environment: `KCK_QUEUE` (its kind). @default beside the store: the same folder for
   * `lmdb`, else in the memory of each process
   */
  readonly queue?: QueueConfig
  /** The databases that primers and updaters run on, by the name they use. @default { main: { kind: 'pglite' } } */
  readonly sources?: Readonly<Record<string, SourceConfig>>
  /** Who can sign in; missing: nobody, and only what is public can be used. */
  readonly auth?: AuthConfig
  /** Who may do what, where a primer or updater does not say it. */
  readonly access?: AccessConfig
  /** This machine's copy of the products that are marked `replicate`. */
  readonly replica?: ReplicaConfig
  /** Copies in each process, in front of the store. */
  readonly nearCache?: NearCacheConfig
  /** How many cached writes may wait for their source. */
  readonly writes?: WritesConfig
  /** Where values go that are larger than an answer can be: Lambda takes 4.4 MB, compressed. @default nowhere: 413 */
  readonly largeBodies?: LargeBodiesConfig
  readonly limits?: LimitsConfig
  readonly server?: ServerConfig
}

type StoreConfig = MemoryStoreConfig | LmdbStoreConfig | CassandraStoreConfig | KeyspacesStoreConfig

/** Gone when the process ends; for tests. */
interface MemoryStoreConfig {
  readonly kind: 'memory'
}

/** Files of this machine, shared by its processes. */
interface LmdbStoreConfig {
  readonly kind: 'lmdb'
  /** A folder, relative to this file. Environment: `KCK_STORE_PATH`. @default '.kck/store' */
  readonly path?: string
}

/** Apache Cassandra 5. */
interface CassandraStoreConfig {
  readonly kind: 'cassandra'
  /** Host names or addresses, without port. Environment: `CASSANDRA_CONTACT_POINTS` (commas). @default ['127.0.0.1'] */
  readonly contactPoints?: readonly string[]
  /** The port of every node. Environment: `CASSANDRA_PORT`. @default 9042 */
  readonly port?: number
  /** Environment: `CASSANDRA_LOCAL_DATA_CENTER`. @default 'datacenter1' */
  readonly localDataCenter?: string
  /** Environment: `CASSANDRA_KEYSPACE`. @default 'kck' */
  readonly keyspace?: string
  /** For `kck schema`, as CQL. Environment: `CASSANDRA_REPLICATION`. @default "{ 'class': 'SimpleStrategy', 'replication_factor': 1 }" */
  readonly replication?: string
  /** Environment: `CASSANDRA_USERNAME`. */
  readonly username?: string
  /** Better not in this file: `CASSANDRA_PASSWORD`. */
  readonly password?: string
  /** Encrypt the connections. Environment: `CASSANDRA_TLS`. @default false */
  readonly tls?: boolean
  /** PEM file of certificates to trust, relative to this file. Environment: `CASSANDRA_CA`. @default Node's own list */
  readonly ca?: string
}

/** Amazon Keyspaces: over TLS, signed in with the AWS credentials of the environment or of the AWS profile. */
interface KeyspacesStoreConfig {
  readonly kind: 'keyspaces'
  /** Environment: `KCK_STORE_REGION`. @default the region of the AWS environment */
  readonly region?: string
  /** Environment: `KCK_STORE_KEYSPACE`. @default 'kck' */
  readonly keyspace?: string
  /** Connect to so many of the hosts: each takes 3,000 statements a second. Environment: `KCK_STORE_HOSTS`. @default 2 */
  readonly hosts?: number
  /** `host` or `host:port`, such as that of a VPC endpoint. Environment: `KCK_STORE_ENDPOINT`. @default the region's own */
  readonly endpoint?: string
}

type QueueConfig = MemoryQueueConfig | LmdbQueueConfig | SqsQueueConfig

/** Each process refreshes what it asked for itself; what is left when it ends is found again by the sweep. */
interface MemoryQueueConfig {
  readonly kind: 'memory'
}

/** Files of this machine, shared by its processes. */
interface LmdbQueueConfig {
  readonly kind: 'lmdb'
  /** A folder, relative to this file. Environment: `KCK_QUEUE_PATH`. @default that of the store, or '.kck/queue' */
  readonly path?: string
}

/** Amazon SQS: three standard queues, each with a dead-letter queue and a `maxReceiveCount` of 5 or more. */
interface SqsQueueConfig {
  readonly kind: 'sqs'
  /** Environment: `KCK_QUEUE_HOT_URL`, `KCK_QUEUE_NORMAL_URL`, `KCK_QUEUE_IDLE_URL`; the first alone means `kind: 'sqs'`. */
  readonly urls?: { readonly hot?: string; readonly normal?: string; readonly idle?: string }
  /** Environment: `KCK_QUEUE_REGION`. @default the region of the AWS environment */
  readonly region?: string
  /** Another server than AWS. Environment: `KCK_QUEUE_ENDPOINT`. @default AWS */
  readonly endpoint?: string
}

type SourceConfig = PgliteSourceConfig | PostgresSourceConfig | RdsDataSourceConfig

interface AnySourceConfig {
  /** After which the database stops a statement. @default '60s' */
  readonly statementTimeout?: Duration
  /** What KCK may ask of it, over all processes, for misses and refreshes together. */
  readonly budget?: BudgetConfig
}

interface BudgetConfig {
  /** Statements at a time. @default 8 */
  readonly concurrency?: number
  /** Statements per second. @default no limit */
  readonly perSecond?: number
}

/** A PostgreSQL inside the process, in files of this machine. */
interface PgliteSourceConfig extends AnySourceConfig {
  readonly kind: 'pglite'
  /** A folder, relative to this file; null: in memory, gone when the process ends. @default '.kck/<name of the source>' */
  readonly path?: string | null
  /** A file of SQL that a new database begins with, relative to this file. @default an empty database */
  readonly init?: string
}

interface PostgresSourceConfig extends AnySourceConfig {
  readonly kind: 'postgres'
  /**
   * `postgres://user:password@host:5432/database`. Environment: `KCK_SOURCE_<NAME>_URL`, or `DATABASE_URL` where there
   * is only one source.
   */
  readonly connectionString?: string
}

/** Aurora PostgreSQL through the RDS Data API. */
interface RdsDataSourceConfig extends AnySourceConfig {
  readonly kind: 'rds-data'
  /** Of the cluster. Environment: `KCK_SOURCE_<NAME>_RESOURCE_ARN`. */
  readonly resourceArn?: string
  /** Of the secret with the database's user. Environment: `KCK_SOURCE_<NAME>_SECRET_ARN`. */
  readonly secretArn?: string
  /** Environment: `KCK_SOURCE_<NAME>_DATABASE`. */
  readonly database?: string
  /** @default the region of the AWS environment */
  readonly region?: string
}

/** Name either a Cognito `userPoolId`, or the `issuer` of any other OIDC provider, or the issuer `local` (see `kck token`). */
interface AuthConfig {
  /** A Cognito user pool. Environment: `KCK_AUTH_USER_POOL_ID`. */
  readonly userPoolId?: string
  /** The `iss` of the tokens, exactly; `local`: this machine's own development key. Environment: `KCK_AUTH_ISSUER`. */
  readonly issuer?: string
  /** The clients whose tokens are taken (`client_id`, `azp`; `aud` of Cognito id tokens). Environment: `KCK_AUTH_CLIENT_ID`. */
  readonly clientId?: string | readonly string[] | null
  /** The audiences (`aud`) that are taken, for issuers other than Cognito. Environment: `KCK_AUTH_AUDIENCE`. */
  readonly audience?: string | readonly string[]
  /** Take tokens that the issuer made for any other application too. @default false */
  readonly allowAnyClient?: boolean
  /** Cognito: which of its tokens are taken. @default 'access' */
  readonly tokenUse?: 'access' | 'id'
  /**
   * Where the issuer's keys are: an https URL, a file, or the set itself. Environment: `KCK_AUTH_JWKS`.
   * @default '<issuer>/.well-known/jwks.json'
   */
  readonly jwks?: string | { readonly keys: readonly object[] }
  /** Tokens made for longer than that are refused. @default '24h' */
  readonly maxLifetime?: Duration
  /** Keys fetched longer ago are not used: how long a removed key may live on. @default '1h' */
  readonly maxKeyAge?: Duration
}

/**
 * Without `auth`, products can be read by everybody, and updates and operations are open only while the server listens
 * on this machine alone.
 */
interface AccessConfig {
  /** Products. @default 'authenticated', or 'public' without `auth` */
  readonly fetch?: Access
  /** Updaters. @default 'authenticated', or nobody without `auth` ('public' on this machine alone) */
  readonly update?: Access
  /** Saying what changed (`POST /changed`). @default { scopes: ['kck:change', 'kck/change'] }, or as `update` without `auth` */
  readonly change?: Access
  /** Refresh, invalidate, purge, set. @default { scopes: ['kck/admin'] }, or as `update` without `auth` */
  readonly admin?: Access
}

interface ReplicaConfig {
  /**
   * What all machines follow. `store`: tables beside the entries of a Cassandra or Keyspaces store; `file`: a folder, for
   * the processes of one machine. @default { kind: 'store' }, or for an `lmdb` store a folder beside it
   */
  readonly log?: { readonly kind: 'store' } | { readonly kind: 'file'; readonly path?: string }
  /**
   * The folder of the copy, shared by all processes of the machine. Environment: `KCK_REPLICA_PATH`. @default 'replica'
   * beside an `lmdb` store, else '.kck/replica'; in Lambda there is no copy unless this names one below '/tmp'
   */
  readonly path?: string
  /**
   * Where a new machine begins, and what lets the log forget. @default a folder beside an `lmdb` store; else none: the log
   * grows, and a new machine reads all of it
   */
  readonly snapshots?: FileSnapshotsConfig | S3SnapshotsConfig
  /** How long the copy answers without hearing from the log: how old the news may be. @default '5s' */
  readonly maxAge?: Duration
  /** How often a process worker takes a snapshot and compacts the log. @default '6h' */
  readonly snapshotEvery?: Duration
  /** Values that each process keeps ready, by their size in the copy. @default '32mb' */
  readonly cacheBytes?: Size
}

interface FileSnapshotsConfig {
  readonly kind: 'file'
  /** A folder, relative to this file, that all machines see. */
  readonly path: string
}

interface S3SnapshotsConfig {
  readonly kind: 's3'
  /** Environment: `KCK_REPLICA_BUCKET`; it alone means `kind: 's3'`. */
  readonly bucket?: string
  /** In front of the names of the objects. @default 'replica' */
  readonly prefix?: string
  /** Environment: `KCK_REPLICA_REGION`. @default the region of the AWS environment */
  readonly region?: string
  /** Another server than AWS. Environment: `KCK_REPLICA_ENDPOINT`. @default AWS */
  readonly endpoint?: string
}

interface NearCacheConfig {
  /** Per process; 0: none. @default '64mb' */
  readonly maxBytes?: Size
  /** How long a copy is served without asking the store: how long a change by another process may stay unseen. @default '1s' */
  readonly maxAge?: Duration
}

/** Their readers are redirected to an object in S3 by a link that works for five minutes, for whoever has it. */
interface LargeBodiesConfig {
  /** Private, with a rule that deletes what is older than a day. Environment: `KCK_LARGE_BODIES_BUCKET`. */
  readonly bucket?: string
  /** Environment: `KCK_LARGE_BODIES_REGION`. @default the region of the AWS environment */
  readonly region?: string
  /** Another server than AWS. Environment: `KCK_LARGE_BODIES_ENDPOINT`. @default AWS */
  readonly endpoint?: string
}

/** Of each of the 8 logs of cached writes; all writes of a key lie in one. More are refused with 503. */
interface WritesConfig {
  /** @default 10_000 */
  readonly maxWaiting?: number
  /** @default '16mb' */
  readonly maxWaitingBytes?: Size
  /** Of one write, at most '256kb'. @default '64kb' */
  readonly maxWriteBytes?: Size
}

interface LimitsConfig {
  /** For a request that names none itself. Environment: `KCK_DEADLINE`. @default '10s' */
  readonly deadline?: Duration
  /** For a compute; a primer's own timeout wins. @default '5m' */
  readonly computeTimeout?: Duration
  /** A request's body. @default '1mb' */
  readonly bodyBytes?: Size
  /** Keys of one `POST /fetch`. @default 100 */
  readonly keysPerFetch?: number
  /** A value, as JSON text. @default '64mb' */
  readonly maxValueBytes?: Size
}

interface ServerConfig {
  /** Environment: `KCK_HOST`. @default '127.0.0.1' */
  readonly host?: string
  /** 0: any free one. Environment: `KCK_PORT`. @default 8001 */
  readonly port?: number
  /** Processes. Environment: `KCK_WORKERS`. @default 1 */
  readonly workers?: number
  /** Which web pages of other origins may use the API. @default none */
  readonly cors?: CorsConfig
}

interface CorsConfig {
  /** `https://app.example.com`, or '*' for all. */
  readonly origin: string | readonly string[]
  /** Let them send credentials; not with '*'. @default false */
  readonly credentials?: boolean
  /** How long a browser may remember the answer. @default '10m' */
  readonly maxAge?: Duration
}

/** Only for the types: it returns what it gets. The settings are checked when KCK starts. */
export function defineConfig(config: KckConfig): KckConfig {
  return config
}

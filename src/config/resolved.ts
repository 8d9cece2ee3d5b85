import type { Lane } from '../ports/refresh-queue.ts'
import type { Access } from '../primer/definition.ts'
import type { WriteLimits } from '../write/api.ts'

/** The settings as the program uses them: everything present, durations in milliseconds, sizes in bytes, paths absolute. */
export interface ResolvedConfig {
  /** The project's folder. */
  readonly folder: string
  readonly primers: string
  /** Null: `updaters` beside the primers, when there is such a folder. */
  readonly updaters: string | null
  readonly primeOnCacheMiss: boolean
  readonly store: ResolvedStore
  readonly queue: ResolvedQueue
  readonly sources: Readonly<Record<string, ResolvedSource>>
  /** Null: nobody can sign in. */
  readonly auth: ResolvedAuth | null
  readonly access: ResolvedAccess
  readonly writes: WriteLimits
  readonly nearCache: { readonly maxBytes: number; readonly maxAgeMs: number }
  /** Null: there is nothing to be replicated. */
  readonly replica: ResolvedReplica | null
  /** Null: bodies that are too large for an answer are refused. */
  readonly largeBodies: ResolvedLargeBodies | null
  readonly limits: ResolvedLimits
  readonly server: ResolvedServer
}

export type ResolvedStore =
  | { readonly kind: 'memory' }
  | { readonly kind: 'lmdb'; readonly path: string }
  | {
      readonly kind: 'cassandra'
      readonly contactPoints: readonly string[]
      readonly port: number
      readonly localDataCenter: string
      readonly keyspace: string
      /** For making the keyspace; null: one copy. */
      readonly replication: string | null
      readonly username: string | null
      readonly password: string | null
      readonly tls: boolean
      /** Certificates (PEM file) to trust beside Node's own. */
      readonly ca: string | null
    }
  | {
      readonly kind: 'keyspaces'
      readonly region: string
      readonly keyspace: string
      readonly hosts: number
      /** `host` or `host:port`; null: the region's own. */
      readonly endpoint: string | null
    }

export interface ResolvedReplica {
  /** `store`: beside the entries, in the same keyspace. */
  readonly log: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'store' }
  readonly path: string
  /** `lmdb`: all processes of the machine share the copy; `sqlite`: each Lambda function has its own, and needs no binary. */
  readonly state: 'lmdb' | 'sqlite'
  /** Null: the log keeps everything, and a new machine reads all of it. */
  readonly snapshots:
    | { readonly kind: 'file'; readonly path: string }
    | {
        readonly kind: 's3'
        readonly bucket: string
        readonly prefix: string
        /** Null: as the AWS SDK finds it. */
        readonly region: string | null
        /** Null: AWS itself. */
        readonly endpoint: string | null
      }
    | null
  readonly maxAgeMs: number
  readonly snapshotEveryMs: number
  readonly cacheBytes: number
}

export type ResolvedQueue =
  | { readonly kind: 'memory' }
  | { readonly kind: 'lmdb'; readonly path: string }
  | {
      readonly kind: 'sqs'
      readonly urls: Readonly<Record<Lane, string>>
      /** Null: as the AWS SDK finds it. */
      readonly region: string | null
      /** Null: AWS itself. */
      readonly endpoint: string | null
    }

interface ResolvedBudget {
  readonly concurrency: number
  /** Queries per second; null: no limit. */
  readonly perSecond: number | null
}

interface ResolvedSourceBase {
  readonly statementTimeoutMs: number
  readonly budget: ResolvedBudget
}

export type ResolvedSource =
  | (ResolvedSourceBase & { readonly kind: 'pglite'; readonly path: string | null; readonly init: string | null })
  | (ResolvedSourceBase & { readonly kind: 'postgres'; readonly connectionString: string })
  | (ResolvedSourceBase & {
      readonly kind: 'rds-data'
      readonly resourceArn: string
      readonly secretArn: string
      readonly database: string
      readonly region: string | null
    })

export interface ResolvedAuth {
  readonly issuer: string
  /** Set for a Cognito user pool, whose tokens name their client and use in their own way. */
  readonly userPoolId: string | null
  readonly jwks: JwksLocation
  readonly clientId: readonly string[] | null
  readonly audience: readonly string[] | null
  readonly tokenUse: 'access' | 'id'
  readonly maxLifetimeMs: number
  readonly maxKeyAgeMs: number
}

export type JwksLocation =
  | { readonly url: string }
  | { readonly file: string }
  | { readonly keys: readonly object[] }
  /** The key that `kck token` signs with. */
  | { readonly localKey: string }

export interface ResolvedAccess {
  readonly fetch: Access
  readonly update: Access
  readonly change: Access
  readonly admin: Access
}

export interface ResolvedLargeBodies {
  readonly bucket: string
  /** Null: as the AWS SDK finds it. */
  readonly region: string | null
  /** Null: AWS itself. */
  readonly endpoint: string | null
}

interface ResolvedLimits {
  readonly deadlineMs: number
  readonly computeTimeoutMs: number
  readonly bodyBytes: number
  readonly keysPerFetch: number
  readonly maxValueBytes: number
}

interface ResolvedServer {
  readonly host: string
  readonly port: number
  readonly workers: number
  readonly cors: ResolvedCors | null
}

export interface ResolvedCors {
  /** `*`, or the origins themselves. */
  readonly origins: '*' | readonly string[]
  readonly credentials: boolean
  readonly maxAgeMs: number
}

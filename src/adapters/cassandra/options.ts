import type { ConnectionOptions } from 'node:tls'
import type { auth, Client, ClientOptions } from 'cassandra-driver'
import type { Clock, Entropy } from '../../ports/clock.ts'

export interface CassandraOptions {
  /** Host names or addresses, without a port. */
  readonly contactPoints: readonly string[]
  /** One port for all nodes; Amazon Keyspaces: 9142. Default 9042. */
  readonly port?: number
  /** `datacenter1` of a plain Apache Cassandra, the region's name of Amazon Keyspaces. */
  readonly localDataCenter: string
  /** Lower-case letters, digits and `_`, at most 48. */
  readonly keyspace: string
  /** For `createSchema`. Default `{ 'class': 'SimpleStrategy', 'replication_factor': 1 }`. */
  readonly replication?: string
  /** What follows `WITH` in `CREATE TABLE`. Default: `gc_grace_seconds = 3600` (see `schema.ts`). */
  readonly tableOptions?: string
  /** Called by `createSchema` after its statements: where tables are made asynchronously, waits until they are there. */
  readonly waitUntilActive?: (keyspace: string, tables: readonly string[]) => Promise<void>
  readonly authProvider?: auth.AuthProvider
  readonly sslOptions?: ConnectionOptions
  /**
   * Milliseconds within which a statement is answered or fails, retries included. A conditional write whose outcome is
   * in doubt may take three times as long to be resolved. A caller's signal ends both earlier. Default 1500.
   */
  readonly requestTimeoutMs?: number
  /** Connect to that many hosts only; Keyspaces advertises nine, each a TLS handshake at a cold start. Default: all. */
  readonly maxHosts?: number
  /**
   * For processes that are frozen between calls (Lambda): connections unused for so many milliseconds are replaced
   * before the next call, and no heartbeat is sent. Default: never.
   */
  readonly renewAfterIdleMs?: number
  readonly clock: Clock
  readonly entropy: Entropy
  /** Makes the driver's client; tests pass one that refuses what Keyspaces lacks. */
  readonly createClient?: (options: ClientOptions) => Client
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 1_500

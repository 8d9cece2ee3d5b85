import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../../ports/clock.ts'
import { SigV4AuthProvider } from './auth-provider.ts'
import { credentialSource } from './credentials.ts'
import { waitUntilActive } from './table-status.ts'

export interface KeyspacesOptions {
  readonly region: string
  readonly keyspace: string
  /** `host` or `host:port` in place of Amazon's own; null: Amazon's. */
  readonly endpoint: string | null
  /** To how many of the nine hosts to connect. */
  readonly hosts: number
}

const PORT = 9142
/** Lambda freezes a function for minutes, and whoever is on the way forgets a silent connection after some five. */
const RENEW_AFTER_IDLE_MS = 240_000
/** Expiry has to be switched on by a default that is not 0: ten years, as in `infra/keyspace.ts`. Every write names its own. */
const TABLE_OPTIONS = 'default_time_to_live = 315360000'

/**
 * How the Cassandra adapter reaches Amazon Keyspaces: signed in with AWS credentials, over TLS. Its certificates come
 * from Amazon's own roots, which are in Node's built-in store (`NODE_EXTRA_CA_CERTS` adds others). A certificate names
 * the region's host, not the addresses of the nine that stand behind it, so that is the name that is checked.
 */
export function keyspacesSettings({ region, keyspace, endpoint, hosts }: KeyspacesOptions, clock: Clock) {
  const [host, port] = endpoint === null ? [hostOf(region), PORT] : addressOf(endpoint)
  const sslOptions: ConnectionOptions = { servername: host, rejectUnauthorized: true }
  return {
    contactPoints: [host],
    port,
    localDataCenter: region,
    keyspace,
    replication: "{ 'class': 'SingleRegionStrategy' }",
    tableOptions: TABLE_OPTIONS,
    authProvider: new SigV4AuthProvider({ region, credentials: credentialSource({ clock }), clock }),
    sslOptions,
    maxHosts: hosts,
    renewAfterIdleMs: RENEW_AFTER_IDLE_MS,
    // Another endpoint has no control plane of Amazon's beside it.
    ...(endpoint === null
      ? {
          waitUntilActive: (name: string, tables: readonly string[]) =>
            waitUntilActive({ region, clock }, name, tables),
        }
      : {}),
  }
}

function hostOf(region: string): string {
  return `cassandra.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

function addressOf(endpoint: string): readonly [host: string, port: number] {
  const [host = '', port] = endpoint.split(':')
  return [host, port === undefined ? PORT : Number(port)]
}

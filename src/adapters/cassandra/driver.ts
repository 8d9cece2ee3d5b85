import { Client, type ClientOptions, policies, types } from 'cassandra-driver'
import { emit } from '../../events.ts'
import { type CassandraOptions, DEFAULT_REQUEST_TIMEOUT_MS } from './options.ts'
import { BoundedRetryPolicy, SparingHostsPolicy } from './policies.ts'

/** How long until the driver dials a lost host again, in milliseconds. */
const RECONNECT_MS = 250
/** After so long without an answer an idempotent statement is also sent to a second host, in milliseconds. */
const SPECULATE_MS = 150

export function newDriverClient(options: CassandraOptions): Client {
  const client = options.createClient?.(clientOptions(options)) ?? new Client(clientOptions(options))
  keepControlConnectionAlive(client)
  return client
}

function clientOptions(options: CassandraOptions): ClientOptions {
  // Below the call's own limit, so that one silent connection leaves time for another attempt.
  const readTimeout = Math.ceil(((options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS) * 2) / 3)
  const settings: ClientOptions = {
    contactPoints: [...options.contactPoints],
    localDataCenter: options.localDataCenter,
    // The driver dials every other node on this port, whatever port a contact point names. Version 4 is what Keyspaces
    // speaks; asking for 5 first would cost a connection at every start.
    protocolOptions: { port: options.port ?? 9042, maxVersion: 4 },
    socketOptions: { connectTimeout: readTimeout, readTimeout, defunctReadTimeoutThreshold: 2, tcpNoDelay: true },
    pooling: {
      coreConnectionsPerHost: { [types.distance.local]: 1, [types.distance.remote]: 1 },
      // A client that replaces another one must not wait for a host that does not answer.
      warmup: false,
      heartBeatInterval: options.renewAfterIdleMs === undefined ? 2_000 : 0,
    },
    policies: {
      loadBalancing: new SparingHostsPolicy(options.localDataCenter, options.maxHosts),
      reconnection: new policies.reconnection.ConstantReconnectionPolicy(RECONNECT_MS),
      retry: new BoundedRetryPolicy(),
      speculativeExecution: new policies.speculativeExecution.ConstantSpeculativeExecutionPolicy(SPECULATE_MS, 1),
      // The server stamps writes: by the clocks of our processes a removal could hide a later addition.
      timestampGeneration: null as never,
    },
    queryOptions: {
      consistency: types.consistencies.localQuorum,
      serialConsistency: types.consistencies.localSerial,
      prepare: true,
      // Conditional writes must never be sent twice behind our back; what may be says so itself.
      isIdempotent: false,
    },
    encoding: { useBigIntAsLong: true },
    // Nothing of the schema is read: tables are named in full and values typed by the prepared statement.
    isMetadataSyncEnabled: false,
    prepareOnAllHosts: false,
    rePrepareOnUp: false,
    ...NO_REPORTS,
  }
  if (options.authProvider) settings.authProvider = options.authProvider
  if (options.sslOptions) settings.sslOptions = options.sslOptions
  return settings
}

/** Of another product than Cassandra, and unknown to the driver's types. */
const NO_REPORTS = { monitorReporting: { enabled: false } }

const REFRESH_AGAIN_MS = 250
const guarded = new WeakSet<object>()

interface ControlConnection {
  _isShuttingDown: boolean
  /** With `hosts` it is a part of a refresh that goes on. */
  _refresh(hosts?: unknown): Promise<void>
}

/**
 * Two faults of driver 4.10.0 in how it replaces a lost control connection. `_refresh` can reject with nobody listening,
 * which ends the process (NODEJS-681, fix not released): caught here, and tried again. And it subscribes twice to the
 * loss of the new connection, so that every loss doubles the refreshes: one at a time here.
 */
function keepControlConnectionAlive(client: Client): void {
  const { controlConnection } = client as unknown as { controlConnection: ControlConnection }
  const prototype = Object.getPrototypeOf(controlConnection) as ControlConnection
  if (guarded.has(prototype)) return
  guarded.add(prototype)
  const refresh = prototype._refresh
  const refreshing = new WeakSet<ControlConnection>()
  prototype._refresh = async function guardedRefresh(this: ControlConnection, hosts) {
    if (hosts !== undefined) return refresh.call(this, hosts)
    if (refreshing.has(this)) return
    refreshing.add(this)
    try {
      await refresh.call(this)
    } catch (error) {
      emit({ type: 'fault', where: 'cassandra control connection', error })
      if (!this._isShuttingDown) setTimeout(() => void this._refresh(), REFRESH_AGAIN_MS).unref()
    } finally {
      refreshing.delete(this)
    }
  }
}

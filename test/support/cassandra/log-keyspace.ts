import type { ClientOptions } from 'cassandra-driver'
import type { CassandraOptions } from '../../../src/adapters/cassandra/options.ts'
import { CassandraUpdateLog } from '../../../src/adapters/cassandra/update-log.ts'
import { systemClock, systemEntropy } from '../../../src/adapters/system/clock.ts'
import { KeyspacesDialectClient } from './keyspaces-dialect.ts'
import type { CassandraAddress } from './start.ts'

export interface LogKeyspace {
  readonly name: string
  /** The log of a dataset in it, of a client that refuses what Keyspaces lacks. */
  open(dataset: string, options?: Partial<CassandraOptions>): CassandraUpdateLog
  /** Runs any CQL, unguarded. */
  run(cql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  drop(): Promise<void>
}

/** A client of a log that lives in a keyspace of that name. */
export function openCassandraLog(
  address: CassandraAddress,
  log: { readonly keyspace: string; readonly dataset: string },
  options: Partial<CassandraOptions> = {},
): CassandraUpdateLog {
  return new CassandraUpdateLog({
    ...address,
    ...log,
    clock: systemClock,
    entropy: systemEntropy,
    // The machine may be busy.
    requestTimeoutMs: 10_000,
    createClient: (driver: ClientOptions) => new KeyspacesDialectClient(driver),
    ...options,
  })
}

/** A keyspace of a test file's own for logs; it and its tables are made by the first log that is opened in it. */
export async function createLogKeyspace(address: CassandraAddress): Promise<LogKeyspace> {
  const name = `kck_log_${process.pid}_${Date.now().toString(36)}`
  const admin = new KeyspacesDialectClient({
    contactPoints: [...address.contactPoints],
    localDataCenter: address.localDataCenter,
    protocolOptions: { port: address.port, maxVersion: 4 },
    isMetadataSyncEnabled: false,
  }).unguarded()
  return {
    name,
    open: (dataset, options) => openCassandraLog(address, { keyspace: name, dataset }, options),
    run: async (cql, values = []) => (await admin.execute(cql, [...values], { prepare: true })).rows,
    async drop() {
      await admin.execute(`DROP KEYSPACE IF EXISTS ${name}`, [], { readTimeout: 60_000 })
      await admin.shutdown()
    },
  }
}

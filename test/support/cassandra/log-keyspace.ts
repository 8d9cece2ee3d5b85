import type { ClientOptions } from 'cassandra-driver'
import { CassandraUpdateLog } from '../../../src/adapters/cassandra/update-log.ts'
import { systemClock, systemEntropy } from '../../../src/adapters/system/clock.ts'
import { KeyspacesDialectClient } from './keyspaces-dialect.ts'
import type { CassandraAddress } from './start.ts'

export interface LogKeyspace {
  readonly name: string
  /** The log of a dataset in it, of a client that refuses what Keyspaces lacks. */
  open(dataset: string): CassandraUpdateLog
  /** Runs any CQL, unguarded. */
  run(cql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  drop(): Promise<void>
}

/** A client of a log that lives in a keyspace of that name. */
export function openCassandraLog(address: CassandraAddress, keyspace: string, dataset: string): CassandraUpdateLog {
  return new CassandraUpdateLog({
    ...address,
    keyspace,
    dataset,
    clock: systemClock,
    entropy: systemEntropy,
    // The machine may be busy.
    requestTimeoutMs: 10_000,
    createClient: (driver: ClientOptions) => new KeyspacesDialectClient(driver),
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
    open: (dataset) => openCassandraLog(address, name, dataset),
    run: async (cql, values = []) => (await admin.execute(cql, [...values], { prepare: true })).rows,
    async drop() {
      await admin.execute(`DROP KEYSPACE IF EXISTS ${name}`, [], { readTimeout: 60_000 })
      await admin.shutdown()
    },
  }
}

import type { ClientOptions } from 'cassandra-driver'
import type { CassandraOptions } from '../../../src/adapters/cassandra/options.ts'
import { openCassandraStore } from '../../../src/adapters/cassandra/store.ts'
import { systemClock, systemEntropy } from '../../../src/adapters/system/clock.ts'
import type { Store } from '../../../src/ports/store.ts'
import { KeyspacesDialectClient } from './keyspaces-dialect.ts'
import type { CassandraAddress } from './start.ts'

export interface TestKeyspace {
  readonly name: string
  /** A store in it, of a client that refuses what Keyspaces lacks. */
  open(options?: Partial<CassandraOptions>): Promise<Store>
  /** Runs any CQL, unguarded. */
  run(cql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  drop(): Promise<void>
}

let created = 0

/** A keyspace of a test file's own, with the schema in it. */
export async function createKeyspace(
  address: CassandraAddress,
  options: Partial<CassandraOptions> = {},
): Promise<TestKeyspace> {
  const name = `kck_test_${process.pid}_${Date.now().toString(36)}_${created++}`
  const admin = new KeyspacesDialectClient({
    contactPoints: [...address.contactPoints],
    localDataCenter: address.localDataCenter,
    protocolOptions: { port: address.port, maxVersion: 4 },
    isMetadataSyncEnabled: false,
  }).unguarded()
  const open = (more: Partial<CassandraOptions> = {}) =>
    openCassandraStore({
      ...address,
      keyspace: name,
      clock: systemClock,
      entropy: systemEntropy,
      createClient: (driver: ClientOptions) => new KeyspacesDialectClient(driver),
      ...options,
      ...more,
    })
  // Schema changes take their time on a busy machine.
  const store = await open({ requestTimeoutMs: 10_000 })
  await store.createSchema()
  await store.close()
  return {
    name,
    open,
    run: async (cql, values = []) => (await admin.execute(cql, [...values], { prepare: true })).rows,
    async drop() {
      await admin.execute(`DROP KEYSPACE IF EXISTS ${name}`, [], { readTimeout: 60_000 })
      await admin.shutdown()
    },
  }
}

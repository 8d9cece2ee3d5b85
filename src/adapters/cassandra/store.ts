import { KckError } from '../../errors.ts'
import type { Store } from '../../ports/store.ts'
import { Connection } from './connection.ts'
import { createEntryStore } from './entry-store.ts'
import { createLineage } from './lineage.ts'
import type { CassandraOptions } from './options.ts'
import { createRegisters } from './registers.ts'
import { createSchema } from './schema.ts'
import { statementsOf } from './statements.ts'
import { createWorkIndex } from './work-index.ts'
import { createWriteQueue } from './write-queue.ts'

export type { CassandraOptions } from './options.ts'

/**
 * The store in Apache Cassandra 5 or Amazon Keyspaces. A Cassandra that does not answer is no error here: calls throw
 * `STORE_UNAVAILABLE` until it does. Throws `INVALID_CONFIG` for options that can never work.
 */
export async function openCassandraStore(options: CassandraOptions): Promise<Store> {
  if (!/^[a-z][a-z0-9_]{1,47}$/.test(options.keyspace)) {
    throw new KckError(
      'INVALID_CONFIG',
      'The keyspace must be 2 to 48 lower-case letters, digits and _, a letter first.',
    )
  }
  if (options.contactPoints.length === 0) {
    throw new KckError('INVALID_CONFIG', 'Cassandra needs at least one contact point: a host name or address.')
  }
  const connection = new Connection(options)
  const cql = statementsOf(options.keyspace)
  const entries = createEntryStore(connection, cql, options.clock)
  // Opens the connection now rather than in the first call; `ping` has reported what went wrong.
  await entries.ping().catch(() => {})
  return {
    entries,
    lineage: createLineage(connection, cql),
    workIndex: createWorkIndex(connection, cql, options.clock),
    registers: createRegisters(connection, cql, options.clock),
    writeQueue: createWriteQueue(connection, cql, options.clock),
    createSchema: () => createSchema(connection, options),
    close: () => connection.close(),
  }
}

import { FileUpdateLog } from '../../src/adapters/file-log/update-log.ts'
import { PostgresUpdateLog } from '../../src/adapters/postgres/update-log.ts'
import type { UpdateLog } from '../../src/ports/update-log.ts'
import { openCassandraLog } from '../support/cassandra/log-keyspace.ts'
import type { CassandraAddress } from '../support/cassandra/start.ts'

/** A log as one process of a test names it to another. */
export type TestLog =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'postgres'; readonly connectionString: string }
  | { readonly kind: 'cassandra'; readonly address: CassandraAddress; readonly keyspace: string }

export async function openTestLog(what: TestLog): Promise<UpdateLog> {
  if (what.kind === 'file') return new FileUpdateLog({ path: what.path })
  if (what.kind === 'postgres') {
    return new PostgresUpdateLog({
      dataset: 'test',
      connectionString: what.connectionString,
      statementTimeoutMs: 20_000,
    })
  }
  return openCassandraLog(what.address, { keyspace: what.keyspace, dataset: 'test' })
}

// biome-ignore-all lint/style/noRestrictedImports: what kck/replica exports is put together here.
import type { CassandraLogOptions } from '../adapters/cassandra/update-log.ts'
import { type FileLogOptions, FileUpdateLog } from '../adapters/file-log/update-log.ts'
import type { PostgresLogOptions } from '../adapters/postgres/update-log.ts'
import { systemClock, systemEntropy } from '../adapters/system/clock.ts'
import type { UpdateLog } from '../ports/update-log.ts'

/** A log in a folder, for the processes of one machine. */
export function openFileLog(options: FileLogOptions): UpdateLog {
  return new FileUpdateLog(options)
}

/** A log in two tables of a PostgreSQL database, made when they are missing. Loads `pg`. */
export async function openPostgresLog(options: PostgresLogOptions): Promise<UpdateLog> {
  const { PostgresUpdateLog } = await import('../adapters/postgres/update-log.ts')
  return new PostgresUpdateLog(options)
}

/** A log in Apache Cassandra or Amazon Keyspaces, its tables made when they are missing. Loads `cassandra-driver`. */
export async function openCassandraLog(
  options: Omit<CassandraLogOptions, 'clock' | 'entropy' | 'createClient'>,
): Promise<UpdateLog> {
  const { CassandraUpdateLog } = await import('../adapters/cassandra/update-log.ts')
  return new CassandraUpdateLog({ ...options, clock: systemClock, entropy: systemEntropy })
}

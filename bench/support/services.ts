import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import pg from 'pg'
import { createKeyspace } from '../../test/support/cassandra/keyspace.ts'
import { type CassandraAddress, startCassandra } from '../../test/support/cassandra/start.ts'
import { createDatabase, startOwnPostgres } from '../../test/support/postgres.ts'
import type { Cleanup } from './cleanup.ts'
import { startProgram } from './process.ts'

export interface Database {
  readonly connectionString: string
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  /** How many statements on `orders` it has run since the last call. */
  countQueries(): Promise<number>
}

export interface DatabaseOptions {
  /** As `name=value`. */
  readonly settings?: readonly string[]
  /** Gets the id of its first process. */
  readonly onStart?: (pid: number) => void
}

/** A PostgreSQL server of its own, whose statements nobody else adds to, with the tables of `data/schema.sql`. */
export async function startDatabase(cleanup: Cleanup, options: DatabaseOptions = {}): Promise<Database> {
  const { settings = [], onStart } = options
  const server = await startOwnPostgres({ settings })
  onStart?.(server.pid)
  cleanup.add(() => server.stop())
  const { connectionString, drop } = await createDatabase(server.connectionString, 'bench')
  cleanup.add(drop)
  const pool = new pg.Pool({ connectionString, max: 1 })
  cleanup.add(() => pool.end())
  await pool.query(readFileSync(new URL('../data/schema.sql', import.meta.url), 'utf8'))
  return {
    connectionString,
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    async countQueries() {
      const { rows } = await pool.query(
        `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements s join pg_database d on d.oid = s.dbid
         where d.datname = current_database() and query ilike '%from orders%' and query not ilike '%pg_stat%'`,
      )
      await pool.query(
        'select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()))',
      )
      return rows[0].calls
    },
  }
}

export interface Keyspace extends CassandraAddress {
  readonly keyspace: string
  run(cql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
}

/** A Cassandra with KCK's tables in a keyspace of their own. */
export async function startKeyspace(cleanup: Cleanup): Promise<Keyspace> {
  const server = await startCassandra()
  cleanup.add(() => server.stop())
  const { name, run, drop } = await createKeyspace(server)
  cleanup.add(drop)
  const { contactPoints, port, localDataCenter } = server
  return { contactPoints, port, localDataCenter, keyspace: name, run }
}

/** A Redis that keeps nothing on disk; null where redis-server is not installed. */
export async function startRedis(cleanup: Cleanup): Promise<number | null> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  await startProgram({ name: 'Redis', command: 'redis-server', args, port, ready: /ready to accept/i }, cleanup)
  return port
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No free port')
  return address.port
}

import { DataApiCalls } from '../src/adapters/rds-data/calls.ts'
import { CREATE_LEDGER } from '../src/write/ledger.ts'
import type { Login } from './secret.ts'

/** A database of the custom resource's properties. */
export interface Database {
  readonly clusterArn: string
  readonly database: string
  readonly adminSecretArn: string
  readonly readerSecretArn: string
  readonly writerSecretArn: string
}

export interface DatabaseOptions {
  readonly login: (secretArn: string) => Promise<Login>
  /** Default: one that asks the Data API of the region. */
  readonly client?: ConstructorParameters<typeof DataApiCalls>[0]['client']
}

/** Milliseconds for one statement, also while a paused database wakes up. */
const STATEMENT_MS = 120_000
/** The database that is there in every cluster. */
const FIRST = 'postgres'

/**
 * Makes what is missing of databases and their two users, and gives the users the passwords of their secrets: one may
 * read everything, the other also write everything, neither change a table: so the one of cached writes is made here,
 * too. May be done again at any time.
 */
export async function prepareDatabase(
  database: Database,
  options: DatabaseOptions,
  signal: AbortSignal,
): Promise<void> {
  const admin = (of: string) =>
    new DataApiCalls({
      name: database.database,
      resourceArn: database.clusterArn,
      secretArn: database.adminSecretArn,
      database: of,
      client: options.client,
    })
  const calls = admin(FIRST)
  const inside = admin(database.database)
  const run = (sql: string) => calls.execute(sql, [], { signal, timeoutMs: STATEMENT_MS })
  const isThere = async (sql: string) => ((await run(sql)).records ?? []).length > 0
  try {
    const name = database.database
    if (!(await isThere(`SELECT 1 FROM pg_database WHERE datname = ${literal(name)}`))) {
      await run(`CREATE DATABASE ${identifier(name)}`)
    }
    for (const [secretArn, roles] of [
      [database.readerSecretArn, ['pg_read_all_data']],
      [database.writerSecretArn, ['pg_read_all_data', 'pg_write_all_data']],
    ] as const) {
      const { username, password } = await options.login(secretArn)
      const user = identifier(username)
      const verb = (await isThere(`SELECT 1 FROM pg_roles WHERE rolname = ${literal(username)}`)) ? 'ALTER' : 'CREATE'
      await run(`${verb} ROLE ${user} LOGIN PASSWORD ${literal(password)}`)
      await run(`GRANT ${roles.join(', ')} TO ${user}`)
    }
    for (const sql of CREATE_LEDGER) await inside.execute(sql, [], { signal, timeoutMs: STATEMENT_MS })
  } finally {
    await Promise.all([calls.close(), inside.close()])
  }
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

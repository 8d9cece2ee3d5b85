import type { CassandraOptions } from '../../src/adapters/cassandra/options.ts'
import { openCassandraStore } from '../../src/adapters/cassandra/store.ts'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { createPostgresSource } from '../../src/adapters/postgres/source.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import { type Budget, budgeted } from '../../src/source/budgeted.ts'
import { parseStatement } from '../../src/sql/parse.ts'

/** What the test tells a process that loads the database. */
export interface BudgetProcess {
  readonly store: { readonly lmdb: string } | { readonly cassandra: Omit<CassandraOptions, 'clock' | 'entropy'> }
  readonly connectionString: string
  readonly budget: Required<Budget>
  readonly clients: number
  readonly statementMs: number
  readonly times: { readonly statementTimeoutMs: number; readonly leaseMs: number; readonly skewMs: number }
}

/**
 * A process whose clients ask without a pause until standard input ends; every twentieth gives up in the middle. Says
 * on standard output when it begins, and at the end how many statements there were.
 */
const told = JSON.parse(process.argv[2] ?? '') as BudgetProcess
const ports = { clock: systemClock, entropy: systemEntropy }
const store =
  'lmdb' in told.store
    ? openLmdbStore({ path: told.store.lmdb, clock: systemClock })
    : await openCassandraStore({ ...told.store.cassandra, ...ports })
const { connectionString, budget, times } = told
const poolSize = budget.concurrency ?? 16
const { statementTimeoutMs } = times
const postgres = createPostgresSource({ name: 'main', connectionString, poolSize, statementTimeoutMs })
const source = budgeted(postgres, { ...ports, ...times, budget, registers: store.registers, lingerMs: 10_000 })
const statement = parseStatement('insert into began select clock_timestamp(), pg_sleep(:seconds::float8)::text')

let isOver = false
const counts = { done: 0, givenUp: 0, busy: 0 }
async function client(): Promise<void> {
  while (!isOver) {
    const seconds = (told.statementMs / 1_000) * (0.5 + Math.random())
    const isGivenUp = Math.random() < 0.05
    const options = isGivenUp ? { signal: AbortSignal.timeout(told.statementMs / 2) } : {}
    try {
      await source.query(statement, { seconds }, options)
      counts.done += 1
    } catch {
      counts[isGivenUp ? 'givenUp' : 'busy'] += 1
    }
  }
}

process.stdout.write('ready\n')
const clients = Array.from({ length: told.clients }, client)
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
isOver = true
await Promise.all(clients)
await source.close()
await store.close()
process.stdout.write(`${JSON.stringify(counts)}\n`)

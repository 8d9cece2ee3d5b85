import { styleText } from 'node:util'
import type { ProvidedContext } from 'vitest'
import type { TestProject } from 'vitest/node'
import type { CassandraAddress } from './cassandra/start.ts'
import { messageOf, startCassandra } from './cassandra/start.ts'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Null where no Cassandra can be had: its tests are skipped then. */
    cassandra: CassandraAddress | null
    postgres: { readonly connectionString: string }
  }
}

/** The real Cassandra and the real PostgreSQL server of all projects that ask for them. */
interface Services {
  readonly cassandra: CassandraAddress | null
  readonly postgres: ProvidedContext['postgres']
  stop(): Promise<void>
}

/** Every project has its own instance of this module, and one process: they share through it, and the last one stops. */
interface Shared {
  readonly starting: Promise<Services>
  users: number
}
const SHARED = Symbol.for('kck.test.services')
const shares = globalThis as { [SHARED]?: Shared }

export default async function useServices(project: TestProject): Promise<() => Promise<void>> {
  shares[SHARED] ??= { starting: startServices(), users: 0 }
  const shared = shares[SHARED]
  shared.users += 1
  const { cassandra, postgres } = await shared.starting
  project.provide('cassandra', cassandra)
  project.provide('postgres', postgres)
  return async () => {
    shared.users -= 1
    if (shared.users > 0) return
    delete shares[SHARED]
    await (await shared.starting).stop()
  }
}

async function startServices(): Promise<Services> {
  const [cassandra, postgres] = await Promise.allSettled([cassandraOrNull(), startPostgres()])
  const stop = async () => {
    await Promise.all([
      cassandra.status === 'fulfilled' ? cassandra.value?.stop() : undefined,
      postgres.status === 'fulfilled' ? postgres.value.stop() : undefined,
    ])
  }
  if (cassandra.status === 'rejected' || postgres.status === 'rejected') {
    await stop()
    const { reason } = cassandra.status === 'rejected' ? cassandra : (postgres as PromiseRejectedResult)
    throw reason
  }
  return {
    cassandra: cassandra.value && addressOf(cassandra.value),
    postgres: { connectionString: postgres.value.connectionString },
    stop,
  }
}

/** Provided values travel to the test's process as plain data. */
const addressOf = ({ contactPoints, port, localDataCenter }: CassandraAddress): CassandraAddress => ({
  contactPoints,
  port,
  localDataCenter,
})

async function cassandraOrNull() {
  try {
    return await startCassandra()
  } catch (error) {
    if (process.env['CI'] === 'true' || process.env['KCK_REQUIRE_CASSANDRA'] === '1') {
      throw new Error(`The tests need a Cassandra and there is none: ${messageOf(error)}`, { cause: error })
    }
    const lines = [
      `CASSANDRA TESTS ARE SKIPPED: ${messageOf(error)}`,
      'Set CASSANDRA_CONTACT_POINTS=host:port, start Docker, or install a JDK 17 and Maven.',
    ]
    process.stderr.write(`${styleText('red', lines.join('\n'))}\n`)
    return null
  }
}

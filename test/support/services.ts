import { styleText } from 'node:util'
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

/** The real Cassandra and the real PostgreSQL server of the conformance and integration tests. */
export default async function startServices(project: TestProject): Promise<() => Promise<void>> {
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
  project.provide('cassandra', cassandra.value && addressOf(cassandra.value))
  project.provide('postgres', { connectionString: postgres.value.connectionString })
  return stop
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

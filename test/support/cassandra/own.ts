import { styleText } from 'node:util'
import { type CassandraServer, messageOf, type StartOptions, startCassandra } from './start.ts'

/**
 * Cassandra processes of a test file's own, to freeze and kill. Null, and said in red, where there is no JDK to run them
 * on; with `CI=true` or `KCK_REQUIRE_CASSANDRA=1` that is a failure.
 */
export async function ownCassandra(options: StartOptions = {}): Promise<CassandraServer | null> {
  try {
    return await startCassandra({ ...options, ownProcesses: true })
  } catch (error) {
    if (process.env['CI'] === 'true' || process.env['KCK_REQUIRE_CASSANDRA'] === '1') throw error
    const line = `TESTS THAT FREEZE AND KILL CASSANDRA ARE SKIPPED: ${messageOf(error)}`
    process.stderr.write(`${styleText('red', line)}\n`)
    return null
  }
}

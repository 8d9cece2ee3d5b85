/**
 * Keeps one Cassandra running between test runs: `node test/support/cassandra/dev.ts [port]`, then
 * `export CASSANDRA_CONTACT_POINTS=127.0.0.1:19042`.
 */
import { startCassandra } from './start.ts'

const server = await startCassandra({ port: Number(process.argv[2] ?? 19042) })
process.stdout.write(`export CASSANDRA_CONTACT_POINTS=${server.contactPoints[0]}:${server.port}\n`)
const wait = setInterval(() => {}, 1 << 30)
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    clearInterval(wait)
    void server.stop()
  })
}

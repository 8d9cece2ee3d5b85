/** `npm run cloud-local`: the project of this folder as `cdk deploy` would deploy it, on this machine, until Ctrl-C. */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { loadDebian } from '../../../examples/debian/load.ts'
import { startCassandra } from '../cassandra/start.ts'
import { createDatabase, startOwnPostgres } from '../postgres.ts'
import { startCloud } from './start.ts'
import { synthesize } from './synthesize.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '8002' } } })
const say = (line: string) => void process.stdout.write(`${line}\n`)
const project = fileURLToPath(new URL('../../../', import.meta.url))
const MINUTE_MS = 60_000

const stops: (() => Promise<unknown>)[] = []
let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  for (const each of stops.splice(0).reverse()) await each()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())

try {
  say('Starting Cassandra and PostgreSQL, and synthesizing (half a minute; the first time some minutes) ...')
  const [cassandra, postgres, assembly] = await Promise.all([startCassandra(), startOwnPostgres(), synthesize(project)])
  stops.push(cassandra.stop, postgres.stop, assembly.remove)
  say('Loading the Debian 12 package index ...')
  const database = await createDatabase(postgres.connectionString, 'debian', 'debian')
  const pool = new pg.Pool({ connectionString: database.connectionString, max: 1 })
  await loadDebian({ query: (text, values) => pool.query(text, values), exec: (sql) => pool.query(sql) })
  await pool.end()
  const cloud = await startCloud({
    assembly: assembly.folder,
    cassandra,
    postgres: postgres.connectionString,
    port: Number(values.port),
  })
  stops.push(cloud.stop)
  const { Status, Reason } = await cloud.deploy()
  if (Status !== 'SUCCESS') throw new Error(Reason)
  const schedules = setInterval(() => void cloud.scheduler.advance(cloud.now()), MINUTE_MS / 4)
  stops.push(async () => clearInterval(schedules))
  say(welcome(cloud.url, await cloud.issuer.token({ scopes: ['kck/admin'], expiresAt: Date.now() + 86_400_000 })))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
  await stop()
}

function welcome(url: string, token: string): string {
  const update = '{"version":"3.0.22-1~deb12u2","installed_kib":6042,"size_bytes":2039888}'
  return `Serving on ${url}: Lambda functions behind an HTTP API. Ctrl-C ends it. Try:

TOKEN=${token}
curl -H "Authorization: Bearer $TOKEN" ${url}/fetch/install_footprint/gnome
curl -H "Authorization: Bearer $TOKEN" ${url}/fetch/package_card/libssl3
curl -X PUT ${url}/update/package_version/libssl3 -H "Authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '${update}'
`
}

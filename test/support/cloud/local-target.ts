import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createLocalIssuer } from '../../../src/auth/local-issuer.ts'
import { freePort } from '../cassandra/node.ts'
import { createDatabase } from '../postgres.ts'
import type { Target } from './target.ts'

export const shop = fileURLToPath(new URL('../../cloud/shop/', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The shop's database, filled. Default for `name`: one that nobody else has. */
export async function openShopDatabase(postgres: string, name?: string) {
  const database = await createDatabase(postgres, 'shop', name)
  const pool = new pg.Pool({ connectionString: database.connectionString, max: 2 })
  pool.on('error', () => {})
  await pool.query(await readFile(join(shop, 'shop.sql'), 'utf8'))
  return {
    connectionString: database.connectionString,
    query: async (sql: string) => (await pool.query(sql)).rows as Record<string, unknown>[],
    async drop() {
      await pool.end()
      await database.drop()
    },
  }
}

/** `kck serve`, which is what `npm start` runs, in a process of its own: LMDB for the store and the queue. */
export async function startLocalTarget(postgres: string): Promise<Target> {
  const [database, folder, port] = await Promise.all([
    openShopDatabase(postgres),
    mkdtemp(join(tmpdir(), 'kck-local-')),
    freePort(['127.0.0.1']),
  ])
  const issuer = createLocalIssuer(join(shop, '.kck/local-key.json'))
  let server: ChildProcess
  let output = ''

  async function start(): Promise<void> {
    const options = ['serve', '--folder', shop, '--port', String(port), '--json', '--log', 'problems']
    server = spawn(process.execPath, [join(root, 'bin/kck.js'), ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DATABASE_URL: database.connectionString, KCK_STORE_PATH: join(folder, 'store') },
    })
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (chunk) => {
        output = `${output}${chunk}`.slice(-100_000)
      })
    }
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream })
    const gone = once(server, 'exit').then(() => Promise.reject(new Error(`The server ended: ${output}`)))
    await Promise.race([once(lines, 'line'), gone])
    gone.catch(() => {})
  }

  async function kill(): Promise<void> {
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
  }

  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    query: database.query,
    token: ({ subject = 'anna', scopes = [], claims = {}, expiresAt = Date.now() + 3_600_000 } = {}) =>
      issuer.issue({ subject, scopes, claims, expiresInMs: expiresAt - Date.now() }, Date.now()),
    // The server goes by its own clock.
    runSchedules: async () => {},
    parts: { server: { stop: kill, start } },
    log: () => output,
    async stop() {
      await kill()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

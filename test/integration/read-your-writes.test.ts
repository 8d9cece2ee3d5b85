import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

vi.setConfig({ testTimeout: 180_000 })

const bin = fileURLToPath(new URL('../../bin/kck.js', import.meta.url))
const kck = new URL('../../src/index.ts', import.meta.url).href
const address = inject('cassandra')

const CLIENTS = 4
const ROUNDS = 6
/** Milliseconds that each answer of the store and of the source takes longer. */
const DELAYS = { store: 4, source: 15 }

const DERIVED = (name: string, of: string) => `import { int, primer } from '${kck}'
export const ${name} = primer({
  name: '${name}',
  parameters: { id: int() },
  compute: ({ get }, { id }) => get(\`${of}/\${id}\`),
})
`

/** Two `kck serve` over one Cassandra and one PostgreSQL, with near caches that stay for seconds, over a slow network. */
describe.skipIf(address === null)('clients of two processes', () => {
  let folder: string
  let keyspace: TestKeyspace
  let database: TestDatabase
  let client: pg.Pool
  const proxies: FaultProxy[] = []
  const servers: ChildProcess[] = []
  let urls: readonly string[] = []

  const behind = async (host: string, port: number, latencyMs: number) => {
    const proxy = await startFaultProxy({ host, port })
    proxy.set({ latencyMs })
    proxies.push(proxy)
    return proxy.port
  }

  beforeAll(async () => {
    if (address === null) return
    keyspace = await createKeyspace(address)
    database = await createDatabase(inject('postgres').connectionString, 'own')
    client = new pg.Pool({ connectionString: database.connectionString, max: CLIENTS })
    await client.query('create table counters (id int primary key, n int not null)')
    await client.query(`insert into counters select id, 0 from generate_series(1, ${2 * CLIENTS}) id`)

    const source = new URL(database.connectionString)
    const sourcePort = await behind(source.hostname, Number(source.port), DELAYS.source)
    source.port = String(sourcePort)
    const storePort = await behind(address.contactPoints[0] ?? '', address.port, DELAYS.store)
    const store = { kind: 'cassandra', contactPoints: ['127.0.0.1'], port: storePort, keyspace: keyspace.name }
    const config = {
      store: { ...store, localDataCenter: address.localDataCenter },
      queue: { kind: 'lmdb' },
      sources: { main: { kind: 'postgres', connectionString: source.href } },
      nearCache: { maxAge: '5s' },
      limits: { deadline: '20s' },
    }
    folder = await mkdtemp(join(tmpdir(), 'kck-own-'))
    await mkdir(join(folder, 'primers'))
    await mkdir(join(folder, 'updaters'))
    const files = {
      'kck.config.mjs': `export default ${JSON.stringify(config)}`,
      'primers/counter.sql': '-- kck: parameters: { id: int }, result: value\nselect n from counters where id = :id',
      'primers/above.ts': DERIVED('above', 'counter'),
      'primers/top.ts': DERIVED('top', 'above'),
      'updaters/count.sql':
        '-- kck: key: { id: int }, body: { n: int }\nupdate counters set n = :n where id = :id returning id',
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    urls = await Promise.all([serve(), serve()])
  }, 120_000)

  afterAll(async () => {
    for (const server of servers) server.kill('SIGKILL')
    await Promise.all(proxies.map((proxy) => proxy.close()))
    await client?.end()
    await database?.drop()
    await keyspace?.drop()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  async function serve(): Promise<string> {
    const options = ['serve', '--json', '--port', '0', '--folder', folder]
    const server = spawn(process.execPath, [bin, ...options], { stdio: ['ignore', 'pipe', 'ignore'] })
    servers.push(server)
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream })
    const [line] = await once(lines, 'line')
    return (JSON.parse(line) as { url: string }).url
  }

  const any = <T>(list: readonly T[]) => list[Math.floor(Math.random() * list.length)] as T
  const post = (path: string, body: unknown, method = 'POST') =>
    fetch(`${any(urls)}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  /** Half of the clients write through KCK, the others past it, and say so. */
  async function write(id: number, n: number): Promise<string> {
    const attempt = () => (id % 2 === 0 ? post(`/update/count/${id}`, { n }, 'PUT') : past(id, n))
    let written = await attempt()
    // On a busy machine the store may not answer in time; a write that failed promises nothing.
    while (written.status === 503 || written.status === 504) written = await attempt()
    const { after } = (await written.json()) as { after?: string }
    expect([written.status, after]).toEqual([200, written.headers.get('kck-after')])
    return after ?? ''
  }

  async function past(id: number, n: number): Promise<Response> {
    await client.query('update counters set n = $2 where id = $1', [id, n])
    return post('/changed', { table: 'counters', rows: [{ id }] })
  }

  async function run({ tokens, ids }: { readonly tokens: boolean; readonly ids: readonly number[] }) {
    const found = { violations: [] as string[], answers: 0, refusals: [] as number[] }
    const readBack = async (id: number, n: number, headers: Record<string, string>) => {
      const key = `${any(['counter', 'above', 'top'])}/${id}`
      const answer = await fetch(`${any(urls)}/fetch/${key}`, { headers })
      const { value } = (await answer.json()) as { value?: number }
      if (answer.status !== 200) found.refusals.push(answer.status)
      else found.answers += 1
      if (value !== undefined && value < n) found.violations.push(`${key} was ${value} after write ${n}`)
    }
    const one = async (id: number) => {
      for (let n = 1; n <= ROUNDS; n++) {
        const after = await write(id, n)
        for (let read = 0; read < 4; read++) {
          await readBack(id, n, tokens ? { 'KCK-After': after } : {})
          await sleep(Math.random() * 20)
        }
      }
    }
    await Promise.all(ids.map(one))
    return found
  }

  const range = (from: number) => Array.from({ length: CLIENTS }, (_, index) => from + index)

  test('never see less than they have written', async () => {
    const { violations, answers, refusals } = await run({ tokens: true, ids: range(1) })
    expect(violations).toEqual([])
    expect(answers).toBeGreaterThan(CLIENTS * ROUNDS * 3)
    expect(refusals.filter((status) => status !== 503 && status !== 504)).toEqual([])
  })

  test('do see it without tokens', async () => {
    const { violations } = await run({ tokens: false, ids: range(1 + CLIENTS) })
    expect(violations.length).toBeGreaterThan(0)
  })

  test('have an honest error when the source, or the store, is not there', async () => {
    const after = await write(2, 100)
    const [store, source] = [proxies[1], proxies[0]]
    const read = (path: string) =>
      fetch(`${any(urls)}/fetch/${path}`, { headers: { 'KCK-After': after, 'KCK-Timeout': '2' } })
    await read('counter/2')
    await source?.refuse()
    let changed = await past(2, 101)
    while (changed.status === 503) changed = await past(2, 101)
    const { status } = await fetch(`${any(urls)}/fetch/top/2`, {
      headers: { 'KCK-After': changed.headers.get('kck-after') ?? '', 'KCK-Timeout': '2' },
    })
    expect([changed.status, [503, 504].includes(status)]).toEqual([200, true])
    await source?.listen()
    await store?.refuse()
    expect([503, 504]).toContain((await read('counter/2')).status)
    await store?.listen()
  })

  test('a token that no write has answered with is a 400', async () => {
    const { status } = await fetch(`${any(urls)}/fetch/counter/1`, { headers: { 'KCK-After': 'tomorrow' } })
    expect(status).toBe(400)
  })
})

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createRuntime, type Runtime } from '../../src/local/runtime.ts'
import { type RunningServer, startServer } from '../../src/local/server.ts'

/** The whole path on one machine: `kck token`, a server, products with every kind of access. */
const kck = new URL('../../src/index.ts', import.meta.url).pathname

let folder: string
let runtime: Runtime
let server: RunningServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-auth-'))
  await mkdir(join(folder, 'primers'))
  await writeFile(
    join(folder, 'kck.config.mjs'),
    `export default { store: { kind: 'memory' }, sources: { main: { kind: 'pglite', path: null } }, auth: { issuer: 'local' } }`,
  )
  await writeFile(
    join(folder, 'primers/products.ts'),
    `import { int, primer, string } from '${kck}'
    const parameters = {}
    const compute = () => 1
    export const open = primer({ name: 'open', parameters, access: 'public', compute })
    export const plain = primer({ name: 'plain', parameters, compute })
    export const scoped = primer({ name: 'scoped', parameters, access: { scopes: ['read', 'write'] }, compute })
    export const staff = primer({ name: 'staff', parameters, access: { groups: ['staff'] }, compute })
    export const own = primer({ name: 'own', parameters: { customer_id: int({ claim: 'customer_id' }) }, compute: (_, { customer_id }) => customer_id })
    export const ruled = primer({ name: 'ruled', parameters: { who: string() }, access: (claims, { who }) => claims.sub === who, compute })`,
  )
  runtime = await createRuntime(await loadConfig(folder, {}))
  const { edge, kck: cache, clock } = runtime
  server = await startServer({ edge, kck: cache, clock, port: 0 })
})
afterAll(async () => {
  await server?.close()
  await runtime?.close()
  await rm(folder, { recursive: true })
})

async function tokenOf(...args: string[]): Promise<string> {
  const lines: string[] = []
  const io = { out: (line: string) => lines.push(line), err: () => 0, stdin: async () => '', folder, environment: {} }
  expect(await main(['token', ...args], io)).toBe(0)
  return lines.join('')
}

async function status(method: string, path: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${server.url}${path}`, { method, headers })
  await response.arrayBuffer()
  return response.status
}

const ada = ['--sub', 'ada']

describe('a token of kck token', () => {
  it.each<[string, string, string[] | null, number]>([
    ['public, without one', 'open', null, 200],
    ['public, with one', 'open', ada, 200],
    ['by default, without one', 'plain', null, 401],
    ['by default, with one', 'plain', ada, 200],
    ['a scope it has', 'scoped', [...ada, '--scope', 'write'], 200],
    ['a scope it lacks', 'scoped', [...ada, '--scope', 'other'], 403],
    ['a group it has', 'staff', [...ada, '--group', 'staff'], 200],
    ['a group it lacks', 'staff', ada, 403],
    ['its own customer', 'own/7', [...ada, '--claim', 'customer_id=7'], 200],
    ["another's customer", 'own/8', [...ada, '--claim', 'customer_id=7'], 403],
    ['a customer, without one', 'own/7', null, 401],
    ['a rule that is met', 'ruled/ada', ada, 200],
    ['a rule that is not', 'ruled/bea', ada, 403],
    ['a rule that throws', 'ruled/ada', null, 401],
    ['an unknown product', 'nothing', ada, 404],
  ])('%s', async (_, key, args, expected) => {
    expect(await status('GET', `/fetch/${key}`, args === null ? undefined : await tokenOf(...args))).toBe(expected)
  })

  it('operates only with the scope for it', async () => {
    expect(await status('DELETE', '/fetch/plain')).toBe(401)
    expect(await status('DELETE', '/fetch/plain', await tokenOf(...ada))).toBe(403)
    expect(await status('DELETE', '/fetch/plain', await tokenOf(...ada, '--scope', 'kck/admin'))).toBe(200)
  })

  it('is refused when it is damaged, also where none is needed', async () => {
    const token = await tokenOf(...ada)
    expect(await status('GET', '/fetch/open', `${token.slice(0, -4)}AAAA`)).toBe(401)
  })

  it('auth-header-12, -13, -14: counts once, in its header, and nowhere else', async () => {
    const token = await tokenOf(...ada)
    const ask = (path: string, headers: Record<string, string | string[]>) =>
      new Promise((resolve, reject) => {
        const answered = (response: IncomingMessage) => resolve(response.resume().statusCode)
        request(`${server.url}${path}`, { headers }, answered).on('error', reject).end()
      })
    const bearer = `Bearer ${token}`
    expect(await ask('/fetch/plain', { authorization: bearer })).toBe(200)
    expect(await ask('/fetch/plain', { authorization: [bearer, bearer] })).toBe(401)
    expect(await ask('/fetch/plain', { authorization: `${bearer}, ${bearer}` })).toBe(401)
    expect(await ask('/fetch/plain', { cookie: `Authorization=${token}` })).toBe(401)
    expect(await ask(`/fetch/plain?access_token=${token}`, {})).toBe(401)
  })
})

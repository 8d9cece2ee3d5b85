import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { main } from '../../../src/cli/main.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { createRuntime, type Runtime } from '../../../src/local/runtime.ts'
import { startServer } from '../../../src/local/server.ts'

vi.setConfig({ testTimeout: 60_000 })

const root = fileURLToPath(new URL('../../../', import.meta.url))

let folder: string
let runtime: Runtime
let server: { readonly url: string; close(): Promise<void> }
beforeAll(async () => {
  // Inside the project, so that `kck` and its types are found as by a project that has installed it.
  folder = await mkdtemp(join(root, 'node_modules/.cache-client-'))
  await mkdir(join(folder, 'primers'))
  await mkdir(join(folder, 'updaters'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(join(folder, 'kck.config.mjs'), 'export default {}')
  await writeFile(
    join(folder, 'primers/greeting.ts'),
    `import { int, primer, string } from '${root}src/index.ts'
    export const greeting = primer({
      name: 'greeting',
      description: 'Says hello.',
      parameters: { name: string(), times: int() },
      compute: (_, { name, times }) => ({ text: 'Hello ' + name, times, at: new Date(0) }),
    })`,
  )
  await writeFile(
    join(folder, 'updaters/rename.ts'),
    `import { int, string, updater } from '${root}src/index.ts'
    export const rename = updater({ name: 'rename', key: { id: int() }, body: { name: string() }, run: () => null })`,
  )
  await main(['client'], { out: () => undefined, err: () => undefined, stdin: async () => '', folder, environment: {} })
  runtime = await createRuntime(await loadConfig(folder, {}))
  server = await startServer({ ...runtime, port: 0 })
})
afterAll(async () => {
  await server.close()
  await runtime.close()
  await rm(folder, { recursive: true })
})

it('compiles for who uses it right, and not for who does not', async () => {
  const use = `import { connect } from './kck-client.ts'
    const client = connect({ url: 'http://localhost' })
    const { value } = await client.fetch('greeting', { name: 'Ada', times: 2 }, { maxAge: 5 })
    const text: string = value.text + value.at.toUpperCase() + value.times.toFixed()
    await client.update('rename', { id: 7 }, { name: text })

    // @ts-expect-error there is no such product
    await client.fetch('greting', { name: 'Ada', times: 2 })
    // @ts-expect-error a name is text
    await client.fetch('greeting', { name: 7, times: 2 })
    // @ts-expect-error the value has no such property
    value.nothing
    // @ts-expect-error an id is a number
    await client.update('rename', { id: 'x' }, { name: '' })`
  expect(await compile(use)).toBe('')
})

async function compile(code: string): Promise<string> {
  await writeFile(join(folder, 'use.ts'), code)
  const paths = { kck: [`${root}src/index.ts`], 'kck/client': [`${root}src/client/index.ts`] }
  const compilerOptions = { noEmit: true, rootDir: '/', paths }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: `${root}tsconfig.json`, compilerOptions, include: [], files: ['use.ts'] }),
  )
  const tsc = join(root, 'node_modules/.bin/tsc')
  return promisify(execFile)(tsc, ['-p', folder]).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  )
}

it('fetches and updates', async () => {
  const { createClient } = await import(pathToFileURL(join(root, 'src/client/index.ts')).href)
  const names = { products: { greeting: ['name', 'times'] }, updaters: { rename: ['id'] } }
  const client = createClient(names, { url: `${server.url}/` })
  expect(await client.fetch('greeting', { name: 'Ä/b?', times: 2 })).toMatchObject({
    value: { text: 'Hello Ä/b?', times: 2 },
    state: 'fresh',
    age: 0,
  })
  await expect(client.fetch('greeting', { name: 'x', times: 'many' })).rejects.toMatchObject({
    name: 'ClientError',
    status: 400,
    code: 'BAD_PARAMETER',
  })
})

it('updates, and gives what a later fetch can wait for', async () => {
  const { createClient } = await import(pathToFileURL(join(root, 'src/client/index.ts')).href)
  const requests: Request[] = []
  const answer = async (url: string, init: RequestInit) => {
    requests.push(new Request(url, init))
    return Response.json({ rowCount: 1, rows: [], changed: [], changedCount: 0 }, { headers: { 'kck-after': 'token' } })
  }
  const names = { products: {}, updaters: { rename: ['id'] } }
  const client = createClient(names, { url: 'http://localhost', token: async () => 'secret', fetch: answer })
  expect(await client.update('rename', { id: 7 }, { name: 'x' })).toMatchObject({ rowCount: 1, after: 'token' })
  await client.update('rename', null, { name: 'y' })
  expect(requests.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
    'PUT /update/rename/7',
    'POST /update/rename',
  ])
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer secret')
  expect(await requests[0]?.json()).toEqual({ name: 'x' })
})

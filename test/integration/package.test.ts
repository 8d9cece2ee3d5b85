import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const root = fileURLToPath(new URL('../../', import.meta.url))
const exec = promisify(execFile)
/** With `tsc` and `cdk`. */
const env = { ...process.env, PATH: `${process.env['PATH']}:${join(root, 'node_modules/.bin')}` }
const npm = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']

let folder: string
let shop: string
let tarball: string
let server: ChildProcess | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-package-'))
  shop = join(folder, 'shop')
  await exec(process.execPath, [join(root, 'scripts/build.ts'), join(folder, 'build')])
  const { stdout } = await exec('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: join(folder, 'build'),
  })
  tarball = join(folder, stdout.trim())
})
afterAll(async () => {
  if (server?.exitCode === null) server.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

it('is packed as Node and TypeScript expect it', async () => {
  const { messages, pkg } = await publint({ pkgDir: join(folder, 'build'), strict: true })
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  // Ends with 1 when the types of an entry point are wrong.
  await exec(join(root, 'node_modules/.bin/attw'), [tarball, '--profile', 'esm-only'])
})

it('goes from an empty folder to a fetched product and a synthesized stack', async () => {
  await exec('npm', ['init', '-y'], { cwd: folder })
  await exec('npm', ['install', tarball, ...npm], { cwd: folder })
  await exec(join(folder, 'node_modules/.bin/kck'), ['init', 'shop', '--yes'], { cwd: folder })
  const manifest = join(shop, 'package.json')
  const project = JSON.parse(await readFile(manifest, 'utf8'))
  await writeFile(manifest, JSON.stringify({ ...project, dependencies: { kck: `file:${tarball}` } }))
  // npm finds everything the project asks for, and nothing that contradicts; the largest of it is here already.
  await exec('npm', ['install', '--package-lock-only', ...npm], { cwd: shop })
  for (const [name, version] of Object.entries(project.devDependencies)) {
    const ours = join(root, 'node_modules', name)
    expect(JSON.parse(await readFile(join(ours, 'package.json'), 'utf8'))).toMatchObject({ name, version })
    await symlink(ours, join(folder, 'node_modules', name))
  }

  await exec('npm', ['run', 'types'], { cwd: shop, env })
  const url = await start()
  expect(await fetched(`${url}/fetch/customer_summary/1`)).toMatchObject({ value: { orders: 2, open: 2 } })
  await fetch(`${url}/update/order_status/1`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"status":"sent"}',
  })
  expect(await fetched(`${url}/fetch/customer_summary/1`)).toMatchObject({ value: { orders: 2, open: 1 } })

  await exec('npm', ['run', 'synth'], { cwd: shop, env })
  expect(existsSync(join(shop, 'cdk.out/shop.template.json'))).toBe(true)
})

async function start(): Promise<string> {
  const bin = join(folder, 'node_modules/.bin/kck')
  server = spawn(bin, ['serve', '--json', '--port', '0'], { cwd: shop, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')
  return (JSON.parse(line) as { url: string }).url
}

/** What the sources say now, also when a change is a moment old. */
async function fetched(url: string): Promise<unknown> {
  return (await fetch(url, { headers: { 'cache-control': 'max-stale=0', 'kck-timeout': '60' } })).json()
}

const heavy = /node_modules\/(@aws-sdk|aws-cdk-lib|cassandra-driver|lmdb|@electric-sql|pg|esbuild|@clack)\//

it.each([
  ['kck', []],
  ['kck/client', []],
  ['kck/testing', []],
  // Its state is an LMDB environment.
  ['kck/replica', ['lmdb']],
])('%s loads no heavy package but %j', async (entry, needed) => {
  const code = `import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => { console.log(url); return next(url, context) } })
    await import('${entry}')`
  const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', code], { cwd: folder })
  const loaded = stdout.split('\n').flatMap((url) => heavy.exec(url)?.[1] ?? [])
  expect(stdout).toContain('/kck/src/')
  expect([...new Set(loaded)]).toEqual(needed)
})

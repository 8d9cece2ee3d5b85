import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

vi.setConfig({ testTimeout: 180_000 })

const bin = fileURLToPath(new URL('../../bin/kck.js', import.meta.url))
const kck = fileURLToPath(new URL('../../src/index.ts', import.meta.url))

let folder: string
let dev: ChildProcess
let said = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-dev-'))
  await mkdir(join(folder, 'primers'))
  await writeFile(join(folder, 'kck.config.mjs'), "export default { limits: { deadline: '1m' } }")
  await save('one.ts', '1')
  await save('two.ts', '2')
})
afterEach(async () => {
  if (dev.exitCode === null) dev.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const save = (file: string, value: string) =>
  writeFile(
    join(folder, 'primers', file),
    `import { primer } from '${kck}'\nexport const made = primer({ name: '${file.slice(0, -3)}', parameters: {}, compute: () => ${value} })\n`,
  )

async function start(): Promise<string> {
  const options = ['dev', '--json', '--port', '0', '--folder', folder]
  dev = spawn(process.execPath, [bin, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  dev.stderr?.on('data', (chunk) => {
    said += chunk
  })
  const [line] = await once(createInterface({ input: dev.stdout as NodeJS.ReadableStream }), 'line')
  return (JSON.parse(line) as { url: string }).url
}

async function product(url: string) {
  const response = await fetch(url, { headers: { 'cache-control': 'max-stale=0', connection: 'close' } })
  return {
    ...((await response.json()) as { value: unknown; version: number }),
    from: response.headers.get('cache-status'),
  }
}

it('loads what is saved; what did not change stays; a mistake stops nothing', async () => {
  const url = await start()
  const before = await product(`${url}/fetch/two`)
  expect(await product(`${url}/fetch/one`)).toMatchObject({ value: 1 })

  await save('one.ts', '10')
  await vi.waitFor(async () => expect(await product(`${url}/fetch/one`)).toMatchObject({ value: 10 }), {
    timeout: 60_000,
    interval: 200,
  })
  expect(await product(`${url}/fetch/two`)).toMatchObject({
    version: before.version,
    from: expect.stringContaining('hit'),
  })

  await save('one.ts', ')')
  await vi.waitFor(() => expect(said).toContain('The version before goes on serving.'), { timeout: 60_000 })
  expect(said).toMatch(/primers\/one\.ts/)
  expect(await product(`${url}/fetch/one`)).toMatchObject({ value: 10 })

  dev.kill('SIGTERM')
  expect((await once(dev, 'exit'))[0]).toBe(0)
})

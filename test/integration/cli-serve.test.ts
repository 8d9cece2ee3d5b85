import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'

vi.setConfig({ testTimeout: 180_000 })

/** `kck serve` as a process of its own, with an embedded database and store; the folder of the first is empty. */
const bin = fileURLToPath(new URL('../../bin/kck.js', import.meta.url))

let folder: string
let server: ChildProcess | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-serve-'))
  await mkdir(join(folder, 'primers'))
  // A new embedded database takes seconds on a busy machine; that is not what is tested here.
  await writeFile(join(folder, 'kck.config.mjs'), "export default { limits: { deadline: '1m' } }")
  await writeFile(join(folder, 'primers/answer.sql'), '-- kck: parameters: { n: int }, result: value\nselect :n + 40')
})
afterEach(async () => {
  if (server?.exitCode !== null) return
  server.kill()
  await once(server, 'exit')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function serve(...args: string[]): Promise<string> {
  const options = ['serve', '--json', '--port', '0', '--folder', folder, ...args]
  server = spawn(process.execPath, [bin, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream })
  const [line] = await once(lines, 'line')
  return (JSON.parse(line) as { url: string }).url
}

const value = async (url: string) => ((await (await fetch(url)).json()) as { value: unknown }).value

it.each([[2], [1]])('serves with %i process(es), and ends with 0 when it is told to', async (workers) => {
  const url = await serve('--workers', String(workers))
  const values = await Promise.all([1, 2, 3, 4].map((n) => value(`${url}/fetch/answer/${n}`)))
  expect(values).toEqual([41, 42, 43, 44])
  server?.kill('SIGTERM')
  const [code] = await once(server as ChildProcess, 'exit')
  expect(code).toBe(0)
})

it('lets a command of the same machine use its embedded database', async () => {
  await serve()
  const fetched = await promisify(execFile)(process.execPath, [bin, 'fetch', 'answer/5', '--folder', folder])
  expect(fetched.stdout).toBe('45\n')
})

it('says why it does not start, and ends with 1', async () => {
  const url = await serve()
  for (const workers of ['1', '2']) {
    const options = ['--folder', folder, '--port', new URL(url).port, '--workers', workers]
    const again = promisify(execFile)(process.execPath, [bin, 'serve', ...options])
    await expect(again).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('is another server running') })
  }
})

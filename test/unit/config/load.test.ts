import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-config-'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
})
afterEach(() => rm(folder, { recursive: true }))

const loader = new URL('../../../src/config/load.ts', import.meta.url).href

/** What a plain Node makes of it: vitest compiles TypeScript in its own way. */
async function load(text: string, name = 'kck.config.ts') {
  await writeFile(join(folder, name), text)
  const script = `const { loadConfig } = await import(${JSON.stringify(loader)})
    const answer = await loadConfig(${JSON.stringify(folder)}, {}).catch(({ code, message }) => ({ code, message }))
    console.log(JSON.stringify(answer))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  return JSON.parse(stdout)
}

it('is all defaults without a file', async () => {
  expect((await loadConfig(folder, {})).server.port).toBe(8001)
})

it('reads TypeScript and JavaScript', async () => {
  const { server, primers } = await load('const port: number = 9001\nexport default { server: { port } }')
  expect([server.port, primers]).toEqual([9001, join(folder, 'primers')])
})

it('reads JavaScript', async () => {
  expect((await load('export default { server: { port: 9002 } }', 'kck.config.mjs')).server.port).toBe(9002)
})

it.each([
  ['an enum', 'enum A { b }\nexport default {}', /removing its types, so enum, namespace/],
  ['no default export', 'export const config = {}', /has no default export; write: export default defineConfig/],
  ['a missing file', "import './nothing.ts'\nexport default {}", /imports a file or package that does not exist/],
  ['broken text', 'export default {', /is not valid TypeScript/],
  ['a throw', "throw new RangeError('no port')", /it threw RangeError: no port/],
  ['an unknown setting', 'export default { stor: 1 }', /stor is not a setting; did you mean 'store'/],
])('refuses %s in words', async (_, text, message) => {
  expect(await load(text)).toEqual({ code: 'INVALID_CONFIG', message: expect.stringMatching(message) })
})

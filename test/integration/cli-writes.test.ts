import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createRuntime, type Runtime } from '../../src/local/runtime.ts'
import { startServer } from '../../src/local/server.ts'

const kck = new URL('../../src/index.ts', import.meta.url).pathname

let folder: string
let runtime: Runtime
let server: { readonly url: string; close(): Promise<void> }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-cli-'))
  for (const name of ['primers', 'updaters']) await mkdir(join(folder, name))
  const config = `export default { access: { admin: 'public', update: 'public' } }`
  await writeFile(join(folder, 'kck.config.mjs'), config)
  await writeFile(
    join(folder, 'updaters/note.ts'),
    `import { string, updater } from '${kck}'
    export const note = updater({
      name: 'note',
      body: { text: string() },
      mode: 'cached',
      run: ({ body }) => {
        if (body.text === 'bad') throw new Error('bad')
      },
    })`,
  )
  runtime = await createRuntime(await loadConfig(folder, {}))
  server = await startServer({ ...runtime, port: 0 })
})
afterAll(async () => {
  await server.close()
  await runtime.close()
  await rm(folder, { recursive: true })
})

describe.each(['local', 'remote'])('cached writes, %s', (where) => {
  async function run(...args: string[]) {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await main(args, {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
      stdin: async () => '',
      folder,
      environment: where === 'remote' ? { KCK_URL: server.url } : {},
    } as Parameters<typeof main>[1])
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  const drain = () => runtime.kck.writes.worker.drain(AbortSignal.timeout(20_000))

  it('are accepted, listed, retried and discarded', async () => {
    expect((await run('update', 'note', '{"text": "bad"}')).out).toMatch(/^Accepted as \S+; /)
    expect((await run('writes')).out).toMatch(/^1 write\(s\) wait, \d+ bytes$/)
    await drain()
    const { parked } = JSON.parse((await run('writes', '--json')).out)
    expect(parked).toMatchObject([{ updater: 'note', body: { text: 'bad' }, state: 'parked' }])
    const [{ id }] = parked
    expect((await run('writes')).out).toContain(`${id}  note`)
    expect((await run('writes', 'retry', id)).out).toMatch(/waits again as \S+$/)
    await drain()
    const again = JSON.parse((await run('writes', '--json')).out).parked[0].id
    expect(await run('writes', 'discard', again)).toMatchObject({ code: 0, out: `${again}: discarded` })
    expect(JSON.parse((await run('writes', '--json')).out)).toMatchObject({ parked: [], parkedRecords: 0 })
  })

  it('what is no such write, or no such action, fails and says so', async () => {
    expect((await run('writes', 'retry', '0-1-0-abcdefgh')).code).toBe(1)
    expect((await run('writes', 'retry')).err).toContain('Say which')
    expect((await run('writes', 'burn')).err).toContain('list, retry, discard')
  })
})

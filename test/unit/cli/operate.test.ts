import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { main } from '../../../src/cli/main.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { createRuntime, type Runtime } from '../../../src/local/runtime.ts'
import { startServer } from '../../../src/local/server.ts'

const kck = new URL('../../../src/index.ts', import.meta.url).pathname

let folder: string
let runtime: Runtime
let server: { readonly url: string; close(): Promise<void> }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-cli-'))
  await mkdir(join(folder, 'primers'))
  await writeFile(
    join(folder, 'kck.config.mjs'),
    `export default { access: { admin: 'public' }, limits: { deadline: '1m' } }`,
  )
  await writeFile(
    join(folder, 'primers/greeting.ts'),
    `import { primer, string } from '${kck}'
    export const greeting = primer({
      name: 'greeting',
      parameters: { name: string() },
      compute: (_, { name }) => {
        if (name === 'nobody') throw new Error('nobody is there')
        return { text: 'Hello ' + name }
      },
    })
    export const letter = primer({
      name: 'letter',
      parameters: { name: string() },
      compute: async ({ get }, { name }) => ({ ...(await get(greeting, { name })), end: 'Yours' }),
    })`,
  )
  runtime = await createRuntime(await loadConfig(folder, {}))
  server = await startServer({ ...runtime, port: 0 })
})
afterEach(async () => {
  await server.close()
  await runtime.close()
  await rm(folder, { recursive: true })
})

/** The same commands on the folder's own system, and on the one that is served. */
describe.each(['local', 'remote'])('%s', (where) => {
  async function run(...args: string[]) {
    const [out, err]: [string[], string[]] = [[], []]
    const code = await main(args, {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
      stdin: async () => '',
      folder,
      environment: where === 'remote' ? { KCK_URL: server.url } : {},
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }

  it('explains what a product rests on, and why it is stale', async () => {
    await run('fetch', 'letter/Ada')
    await run('invalidate', 'greeting/Ada')
    const { code, out } = await run('explain', 'letter/Ada')
    expect(code).toBe(0)
    expect(out).toContain('product/greeting/Ada')
    expect(out).toContain('A change made it stale')
    expect(JSON.parse((await run('explain', '--json', 'greeting/Ada')).out)).toMatchObject({
      state: 'stale',
      dependents: { keys: ['letter/Ada'] },
    })
  })

  it('lists keys', async () => {
    await run('fetch', 'letter/Ada', 'letter/Bea')
    expect((await run('keys', 'letter')).out.split('\n').sort()).toEqual([
      expect.stringMatching(/^letter\/Ada {2}fresh, .* old, \d+ bytes$/),
      expect.stringMatching(/^letter\/Bea {2}fresh, /),
    ])
    expect((await run('keys', '--stale')).out).toBe('')
    expect((await run('keys', '--json')).out.split('\n')).toHaveLength(4)
  })

  it('draws the graph', async () => {
    await run('fetch', 'letter/Ada')
    expect((await run('graph')).out).toContain('letter\n  product/greeting (captured)')
    expect((await run('graph', '--format', 'mermaid')).out).toMatch(/^flowchart LR\n/)
  })

  it('shows what fails, tries it again and gives up on it', async () => {
    expect((await run('fetch', 'greeting/nobody')).code).toBe(1)
    expect((await run('queue')).out).toContain('greeting/nobody  failed 1 times')
    expect((await run('queue', 'retry', 'greeting/nobody')).code).toBe(1)
    expect((await run('queue', 'discard', 'greeting/nobody')).out).toBe('greeting/nobody: given up')
    expect((await run('queue')).out).toContain('parked: kck queue retry')
  })

  // A new embedded database takes seconds on a busy machine.
  it('is looked at by the doctor', { timeout: 60_000 }, async () => {
    const { code, out } = await run('doctor')
    expect(code, out).toBe(0)
    expect(out).toMatch(/^ok {2}store/m)
    expect(out).toMatch(/^ok {2}queue +0 messages, 0 products wait$/m)
  })

  it('fetches, updates, refreshes and purges alike', async () => {
    const { out, err } = await run('fetch', 'greeting/Ada')
    expect([out, err]).toEqual([
      '{\n  "text": "Hello Ada"\n}',
      expect.stringMatching(/^greeting\/Ada: fresh, from compute, \d+ ms old/),
    ])
    expect((await run('refresh', 'greeting/Ada')).out).toMatch(/^greeting\/Ada: fresh, version \d+$/)
    expect((await run('purge', 'greeting/Ada')).out).toBe('greeting/Ada: removed')
    expect((await run('fetch', 'unknown/x')).err).toContain('UNKNOWN_PRODUCT')
  })

  it('dumps entries and puts them back as they were', async () => {
    await run('fetch', 'letter/Ada', 'letter/Bea')
    await run('invalidate', 'letter/Bea')
    const before = JSON.parse((await run('fetch', '--json', 'letter/Ada', '--max-stale', '1h')).out).results[0]
    expect((await run('dump', '--out', 'all.ndjson', '--page', '1')).err).toContain('Dumped 4 entries')
    await run('purge', 'letter/Ada', 'letter/Bea', 'greeting/Ada')

    expect((await run('load', 'all.ndjson')).err).toBe('Loaded 3 entries, kept 1 that are there, refused 0')
    const after = JSON.parse((await run('fetch', '--json', '--only-if-cached', 'letter/Ada')).out).results[0]
    expect(after).toMatchObject({
      value: before.value,
      version: before.version,
      modified: before.modified,
      state: 'fresh',
    })
    expect(JSON.parse((await run('explain', '--json', 'letter/Bea')).out)).toMatchObject({ state: 'stale' })
    await run('invalidate', 'greeting/Ada')
    expect(JSON.parse((await run('explain', '--json', 'letter/Ada')).out)).toMatchObject({ state: 'stale' })
    expect((await run('load', 'all.ndjson')).err).toBe('Loaded 0 entries, kept 4 that are there, refused 0')
  })

  it('goes on with a dump that was cut short', async () => {
    await run('fetch', 'letter/Ada', 'letter/Bea', 'letter/Cy')
    await run('dump', '--out', 'all.ndjson', '--page', '1')
    const whole = await readFile(join(folder, 'all.ndjson'), 'utf8')
    const lines = whole.split('\n')
    await writeFile(join(folder, 'all.ndjson'), [...lines.slice(0, 4), lines[4]?.slice(0, 20)].join('\n'))
    await run('dump', '--out', 'all.ndjson', '--page', '1', '--resume')
    expect(await readFile(join(folder, 'all.ndjson'), 'utf8')).toBe(whole)
  })

  it("reads the original's dump; what it cannot place it names", async () => {
    const rows = [
      'greeting/Old,"{""text"":\n""from, the original""}",7,2015-06-01 12:00:00.5',
      'gone/x,1,1,2015-06-01 12:00:00',
    ]
    await writeFile(join(folder, 'old.csv'), `${rows.join('\r\n')}\r\n`)
    const { code, err } = await run('load', 'old.csv', '--format', 'original')
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^gone\/x: .*UNKNOWN_PRODUCT\)\nLoaded 1 entries, kept 0 that are there, refused 1$/),
    ])
    expect(JSON.parse((await run('fetch', '--json', '--only-if-cached', 'greeting/Old')).out).results[0]).toMatchObject(
      {
        value: { text: 'from, the original' },
        version: 7,
        state: 'stale',
      },
    )
  })

  it('says which line is no entry', async () => {
    await writeFile(join(folder, 'bad.ndjson'), '{"key":"greeting/Ada"}\n{"key":')
    const { code, err } = await run('load', 'bad.ndjson')
    expect([code, err]).toEqual([1, expect.stringContaining('Line 2 is not JSON')])
  })
})

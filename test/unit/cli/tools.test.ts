import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { main } from '../../../src/cli/main.ts'

const kck = new URL('../../../src/index.ts', import.meta.url).pathname

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-tools-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function run(...args: string[]) {
  const out: string[] = []
  const io = {
    out: (text: string) => out.push(text),
    err: () => undefined,
    stdin: async () => '',
    folder,
    environment: {},
  }
  const code = await main(args, io)
  return { code, out: out.join('\n') }
}

it('bash completes commands, and options of a command', async () => {
  const { out } = await run('completion', 'bash')
  const complete = async (word: string, ...words: string[]) => {
    const line = `COMP_LINE='${words.join(' ')}'; COMP_CWORD=${words.length - 1}; _kck kck '${word}'; echo "\${COMPREPLY[@]}"`
    return (await promisify(execFile)('bash', ['-c', `${out}\n${line}`])).stdout.trim()
  }
  expect(await complete('expl', 'kck', 'expl')).toBe('explain')
  expect((await complete('--', 'kck', 'fetch', '--')).split(' ')).toEqual(
    expect.arrayContaining(['--max-age', '--url', '--json', '--help']),
  )
  expect(await complete('re', 'kck', 'queue', 're')).toBe('retry')
})

it('fish and zsh have theirs; another shell is not understood', async () => {
  expect((await run('completion', 'fish')).out).toContain(
    "complete -c kck -n '__fish_seen_subcommand_from fetch' -l max-age",
  )
  expect((await run('completion', 'zsh')).out).toContain('bashcompinit')
  expect((await run('completion', 'cmd')).code).toBe(2)
})

it('bench counts what came, and from where', async () => {
  await mkdir(join(folder, 'primers'))
  await writeFile(join(folder, 'kck.config.mjs'), 'export default {}')
  await writeFile(
    join(folder, 'primers/one.ts'),
    `import { primer } from '${kck}'\nexport const one = primer({ name: 'one', parameters: {}, compute: () => 1 })`,
  )
  const measured = JSON.parse((await run('bench', 'one', 'none', '--for', '100ms', '--json')).out)
  const answered = Object.values<number>(measured.from).reduce((sum, count) => sum + count, 0)
  expect(answered + measured.failed).toBe(measured.fetches)
  expect(measured.failed).toBeGreaterThan(0)
  expect(measured.from.compute).toBeGreaterThan(0)
})

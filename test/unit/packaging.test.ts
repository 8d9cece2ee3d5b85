import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { main } from '../../src/cli/main.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const manifest = JSON.parse(read('package.json'))

describe('the container image', () => {
  // Instructions, with the lines that they go on over.
  const instructions = read('Dockerfile')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => /^(\w+)\s+(.*)$/.exec(line)?.slice(1) ?? ['?', line])
  const all = (name: string) => instructions.flatMap(([instruction, rest = '']) => (instruction === name ? [rest] : []))

  it('copies what is there, and leaves out no part of it', () => {
    const copied = all('COPY').filter((rest) => !rest.startsWith('--from'))
    const files = copied.flatMap((rest) => rest.split(/\s+/).slice(0, -1)).filter((file) => file !== '.')
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
    const ignored = read('.dockerignore').trim().split('\n')
    expect(ignored).not.toContain('src')
    const built = /for \(const name of \[([^\]]+)\]\)/.exec(read('scripts/build.ts'))?.[1]?.match(/[\w.]+/g) ?? []
    expect(built.length).toBeGreaterThan(3)
    expect(built.filter((name) => ignored.includes(name))).toEqual([])
  })

  it('runs scripts that exist, and the command that the package has', () => {
    const scripts = all('RUN').flatMap((line) => [...line.matchAll(/npm run (\w+)/g)].map(([, name = '']) => name))
    expect(scripts.filter((name) => manifest.scripts[name] === undefined)).toEqual([])
    // LMDB, TypeScript and esbuild have their programs in optional packages.
    expect(all('RUN').join(' ')).not.toContain('--omit=optional')
    expect(all('RUN').join(' ')).toContain(`/node_modules/kck/${manifest.bin.kck} `)
  })

  it('has a Node that runs it', () => {
    const [major = 0] = all('FROM').map((from) => Number(/^node:(\d+)/.exec(from)?.[1]))
    expect(major).toBeGreaterThanOrEqual(Number.parseInt(manifest.engines.node.replace('>=', ''), 10))
  })

  it('serves as another user than root, and looks after itself', async () => {
    expect(all('USER')).toEqual(['node'])
    expect(instructions.findIndex(([name]) => name === 'USER')).toBeLessThan(
      instructions.findIndex(([name]) => name === 'ENTRYPOINT'),
    )
    expect(all('HEALTHCHECK').join(' ')).toContain('/healthz')
    const command = JSON.parse(all('CMD')[0] ?? '[]') as string[]
    const printed: string[] = []
    const io = { out: (text: string) => printed.push(text), err: () => undefined, stdin: async () => '' }
    await main([...command, '--help'], { ...io, folder: root, environment: {} })
    expect(JSON.parse(all('ENTRYPOINT')[0] ?? '[]')).toEqual(['kck'])
    expect(printed.join('\n')).toContain('Usage: kck serve')
    expect(printed.join('\n')).toContain(command[1])
  })
})

describe('for contributors', () => {
  it('the devcontainer is JSON, and has the Node of the engines', () => {
    const { build, postCreateCommand } = JSON.parse(read('.devcontainer/devcontainer.json'))
    expect(read(`.devcontainer/${build.dockerfile}`)).toMatch(/^FROM node:24/m)
    expect(postCreateCommand).toBe('npm ci')
  })

  it('the devcontainer has the programs that CI installs', () => {
    const installed = read('.devcontainer/Dockerfile')
    const wanted = [...read('.ci/run').matchAll(/missing\+=\(([\w-]+)\)/g)].map(([, name = '']) => name)
    expect(wanted.length).toBeGreaterThan(5)
    expect(wanted.filter((name) => !installed.includes(name))).toEqual([])
  })

  it.each(['bug', 'idea'])('the form %s has what GitHub needs', (name) => {
    const form = parseYaml(read(`.github/ISSUE_TEMPLATE/${name}.yml`))
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String), body: expect.any(Array) })
    for (const field of form.body)
      expect(field).toMatchObject({ type: 'textarea', attributes: { label: expect.any(String) } })
  })
})

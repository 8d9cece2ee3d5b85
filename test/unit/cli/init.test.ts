import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { main } from '../../../src/cli/main.ts'

vi.setConfig({ testTimeout: 60_000 })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-init-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function run(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const io = { out: (text: string) => out.push(text), err: (text: string) => err.push(text), stdin: async () => '' }
  const code = await main(args, { ...io, folder, environment: {} })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

it('begins a project whose definitions and settings are right', async () => {
  const { code, out } = await run('init', 'my-shop', '--yes')
  expect([code, out]).toEqual([0, expect.stringContaining('cd my-shop\n  npm install')])
  const made = JSON.parse(await readFile(join(folder, 'my-shop/package.json'), 'utf8'))
  expect(made).toMatchObject({ name: 'my-shop', type: 'module', dependencies: { kck: expect.stringMatching(/^\d/) } })
  expect(await readFile(join(folder, 'my-shop/infra/app.ts'), 'utf8')).toContain("name: 'my-shop'")

  await mkdir(join(folder, 'my-shop/node_modules'))
  await symlink(fileURLToPath(new URL('../../../', import.meta.url)), join(folder, 'my-shop/node_modules/kck'))
  const check = await run('check', '--folder', 'my-shop', '--json')
  expect(JSON.parse(check.out)).toMatchObject({
    sources: { shop: 'pglite' },
    primers: [
      { key: 'active_customers' },
      { key: 'customer_orders/:customer_id' },
      { key: 'customer_summary/:customer_id' },
    ],
    updaters: [{ key: 'order_status/:id' }],
  })
})

it('leaves the files for AWS out, and what is there as it is', async () => {
  await writeFile(join(folder, 'README.md'), 'mine')
  expect((await run('init', '--yes', '--no-infra', '--name', 'shop')).code).toBe(0)
  expect(await readFile(join(folder, 'README.md'), 'utf8')).toBe('mine')
  expect(await readdir(folder)).not.toContain('infra')
  expect(await readdir(folder)).toContain('.gitignore')
})

it('refuses a folder in use, and a name that cannot be deployed', async () => {
  expect(await run('init', '--yes', '--name', 'My Shop')).toMatchObject({
    code: 1,
    err: expect.stringContaining('a letter first'),
  })
  await writeFile(join(folder, 'index.html'), '')
  expect(await run('init', '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('The folder is not empty') })
})

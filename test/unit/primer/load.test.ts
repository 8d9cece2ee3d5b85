import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type KckError, primer, updater } from '../../../src/index.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { loadDefinitions } from '../../../src/primer/load.ts'
import { stampFile } from '../../../src/primer/revision.ts'
import { toModule } from '../../../src/primer/sql-hooks.ts'

const src = new URL('../../../src/', import.meta.url).href
const kck = `import { int, primer, updater } from '${src}index.ts'\n`
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kck-load-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

const load = () => loadDefinitions(join(folder, 'primers'))
const faults = async () => {
  const error = await load().then(
    () => new Error('accepted'),
    (thrown: KckError) => thrown,
  )
  return error.message.replaceAll(/\S*kck-load-\w+\//g, '').split('\n')
}

describe('loadDefinitions', () => {
  it('finds every form in every folder, in the order of the files', async () => {
    write({
      'primers/b.sql': 'select 1',
      'primers/a/c.yml': 'database: src\nquery: { template: SELECT 1 }',
      'primers/a/d.ts': `${kck}export const one = primer({ name: 'd1', compute: () => 1 })
export default primer({ name: 'd2', compute: () => 2 })
export const write = updater({ name: 'd3', run: () => null })
export const notOne = 5`,
      'primers/e.mjs': `${kck}export const e = primer({ name: 'e', compute: () => 1 })`,
      'updaters/f.sql': '-- kck: body: { a: int }\ninsert into t values (:a)',
      'updaters/g.yml': 'database: src\nparameters: [{ name: a }]\nquery: { template: { insert: "SELECT 1" } }',
      // Left out.
      'primers/_h.sql': 'nonsense',
      'primers/_i/j.sql': 'nonsense',
      'primers/.k/l.sql': 'nonsense',
      'primers/m.test.ts': 'throw new Error()',
      'primers/n.d.ts': 'export {}',
      'primers/b.d.sql.ts': 'export {}',
      'primers/README.md': '# x',
    })
    const { primers, updaters } = await load()
    expect(primers.map(({ name }) => name)).toEqual(['c', 'd2', 'd1', 'b', 'e'])
    expect(updaters.map(({ name }) => name)).toEqual(['d3', 'f', 'g'])
    expect(primers.map(({ file }) => file?.split('primers/')[1])).toEqual([
      'a/c.yml',
      'a/d.ts',
      'a/d.ts',
      'b.sql',
      'e.mjs',
    ])
    expect((await load()).primers.map(({ revision }) => revision)).toEqual(primers.map(({ revision }) => revision))
  })

  it('needs no updaters folder unless one is named', async () => {
    write({ 'primers/a.sql': 'select 1' })
    expect((await load()).updaters).toEqual([])
    await expect(loadDefinitions(join(folder, 'primers'), { updatersFolder: join(folder, 'x') })).rejects.toThrow(
      /no folder/,
    )
    await expect(loadDefinitions(join(folder, 'x'))).rejects.toThrow(/There is no folder .*x with primers: create it/)
  })

  it('takes one definition that two files export once', async () => {
    write({
      'primers/a.ts': `export { b } from './b.ts'`,
      'primers/b.ts': `${kck}export const b = primer({ name: 'b', compute: () => 1 })`,
    })
    expect((await load()).primers.map(({ name }) => name)).toEqual(['b'])
  })

  it('reports the faults of all files, each with its file and line', async () => {
    write({
      'primers/a.sql': '-- kck: softTll: 5m\nselect 1',
      'primers/b.yml': 'database: src\nexpire_seconds: 0\nquery: { template: SELECT 1 }',
      'primers/c.ts': `${kck}
export const c = primer({ name: 'c', softTtl: '0s', compute: () => 1 })`,
      'primers/d.ts': 'export const x = 1',
      'primers/e.ts': 'throw new TypeError("boom")',
      'primers/f.sql': 'select 1; select 2',
      'updaters/g.sql': 'select 1',
      'updaters/h.yml': 'database: src',
    })
    expect(await faults()).toEqual([
      'primers/a.sql: unknown option "softTll" (did you mean "softTtl"?)',
      'primers/b.yml: expire_seconds must be a number of seconds above 0',
      expect.stringMatching(/^primers\/c\.ts(:3)?: primer "c": softTtl must be more than 0$/),
      'primers/d.ts: exports no primer or updater; a helper begins with _',
      expect.stringMatching(/^primers\/e\.ts(:1)?: boom$/),
      'primers/f.sql:1: one statement expected, found 2',
      'updaters/h.yml: updater "h": needs update, insert or run',
    ])
  })

  it('leaves two files of one name to the registry, which names both', async () => {
    write({ 'primers/a/x.sql': 'select 1', 'primers/b/x.sql': 'select 2' })
    const definitions = await load()
    expect(() => createRegistry(definitions)).toThrow(/primer "x" is defined twice: in \S*a\/x.sql and \S*b\/x.sql/)
  })
})

describe('a primer’s file', () => {
  it('is part of its revision, once', () => {
    const made = primer({ name: 'p', compute: () => 1 })
    const bare = made.revision
    stampFile(made, 'p.ts', ['text'])
    const stamped = made.revision
    expect(stamped).not.toBe(bare)
    stampFile(made, 'p.ts', ['text'])
    expect(made).toMatchObject({ file: 'p.ts', revision: stamped })
    stampFile(made, 'p.ts', ['edited'])
    expect(made.revision).not.toBe(stamped)
  })
})

// In a Node of its own, as Vitest has its own way to import.
it('imports a .sql file as the very object that the loader finds, and as a module for a bundle', async () => {
  write({
    'primers/orders.sql': '-- kck: parameters: { id: int }\nselect :id as id',
    'primers/z.ts': `${kck}import orders from './orders.sql'
export const z = primer({ name: 'z', compute: () => 1 })
export const seen: unknown = orders`,
    'bad/broken.sql': 'select 1; select 2',
    'bad/z.ts': `import broken from './broken.sql'\nexport const z = broken`,
    'bundled.mjs': toModule('-- kck: softTtl: 5m\nselect 1 as "a`b"', 'primers/bundled.sql'),
    'main.mjs': `
import { loadDefinitions } from '${src}primer/load.ts'
import bundled from './bundled.mjs'
const { primers } = await loadDefinitions('primers')
const { seen } = await import('./primers/z.ts')
const refusal = await loadDefinitions('bad').catch((error) => error.message)
console.log(JSON.stringify({ names: primers.map(({ name }) => name), same: primers[0] === seen, file: seen.file, refusal,
  bundled: [bundled.name, bundled.file, bundled.softTtlMs] }))`,
  })
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.mjs')], { cwd: folder })
  expect(JSON.parse(stdout)).toEqual({
    names: ['orders', 'z'],
    same: true,
    file: 'primers/orders.sql',
    // Once, though two files fail for it.
    refusal: 'bad/broken.sql:1: one statement expected, found 2',
    bundled: ['bundled', 'primers/bundled.sql', 300_000],
  })
}, 60_000)

it('keeps updaters of code out of the primers', () => {
  expect(updater({ name: 'u', run: () => null }).kind).toBe('updater')
})

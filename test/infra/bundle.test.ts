import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Metafile } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixture } from '../support/infra/synth.ts'

const run = promisify(execFile)
const child = new URL('../support/infra/bundle.ts', import.meta.url).pathname

let folder: string
let metafile: Metafile

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-bundle-'))
  const { stdout } = await run(process.execPath, [child, fixture, folder], { cwd: fixture, maxBuffer: 64 * 1024 ** 2 })
  metafile = JSON.parse(stdout)
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The output files that a function loads as it starts, or (`lazy`) may load later. */
function loadedBy(name: string, { lazy = false } = {}): ReadonlySet<string> {
  const entry = Object.keys(metafile.outputs).find((path) => path.endsWith(`/${name}.mjs`)) ?? ''
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path)) return
    found.add(path)
    for (const { path: next, kind } of metafile.outputs[path]?.imports ?? []) {
      if (next in metafile.outputs && (lazy || kind !== 'dynamic-import')) visit(next)
    }
  }
  visit(entry)
  return found
}

const outputs = (paths: Iterable<string>) => [...paths].map((path) => metafile.outputs[path])
const bytesOf = (paths: Iterable<string>) => outputs(paths).reduce((sum, output) => sum + (output?.bytes ?? 0), 0)

/** The npm packages whose code is in these files. */
function packagesIn(paths: Iterable<string>): readonly string[] {
  const names = outputs(paths)
    .flatMap((output) => Object.entries(output?.inputs ?? {}))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => /(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}

describe('what fetch loads as it starts', () => {
  it('is what every fetch may need, and nothing else', () => {
    expect(packagesIn(loadedBy('fetch')).filter((name) => !name.startsWith('@smithy/'))).toEqual([
      '@middy/core',
      '@opentelemetry/api',
      'aws-jwt-verify',
      'croner',
      'json-p3',
      'libpg-query',
      'lru-cache',
      'yaml',
    ])
  })

  it('fits a budget', () => {
    expect(bytesOf(loadedBy('fetch'))).toBeLessThan(900_000)
  })
})

describe('the functions', () => {
  const names = ['fetch', 'update', 'refresh-worker', 'process-worker', 'change', 'deploy']

  it('never load what only a laptop uses, nor what only tests and tools do', () => {
    const packages = packagesIn(Object.keys(metafile.outputs))
    for (const name of ['lmdb', 'pg', '@electric-sql/pglite', 'esbuild', 'aws-cdk-lib', 'commander', 'zod', 'jose']) {
      expect(packages).not.toContain(name)
    }
  })

  it.each(names)('%s fits a budget with all that it may load', (name) => {
    expect(bytesOf(loadedBy(name, { lazy: true }))).toBeLessThan(3_000_000)
  })

  it('are small together, with the parser of PostgreSQL', async () => {
    const files = (await readdir(folder, { recursive: true })).map((name) => join(folder, name))
    const contents = await Promise.all(
      files.map(async (file) => ((await stat(file)).isFile() ? gzipSync(await readFile(file)).length : 0)),
    )
    expect(contents.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(1_500_000)
  })
})

describe('the settings in the bundle', () => {
  it('say how old a replica may be, and not where a laptop has it', async () => {
    const module = JSON.stringify(join(folder, 'project.mjs'))
    const script = `const { project } = await import(${module}); console.log(JSON.stringify(project.settings.replica))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
    expect(JSON.parse(stdout)).toEqual({ maxAge: '2s' })
  })
})

describe('the primers in the bundle', () => {
  it('have the revisions that they have in the project, so that a deployment from anywhere keeps what is cached', async () => {
    const script = new URL('../support/infra/revisions.ts', import.meta.url).pathname
    const { stdout } = await run(process.execPath, [script, fixture, folder], { cwd: fixture })
    const { bundled, project } = JSON.parse(stdout)
    expect(Object.keys(project).sort()).toEqual([
      'active_customers',
      'customer_orders',
      'customer_summary',
      'section_orders',
    ])
    expect(bundled).toEqual(project)
  })
})

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type PackageUpdate, type ReplaySummary, readUpdates, replay } from '../../examples/debian/replay.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { createRuntime, type Runtime } from '../../src/local/runtime.ts'
import { type RunningServer, startServer } from '../../src/local/server.ts'
import { DebianModel, type DebianPackage, debianDatabase } from '../support/debian.ts'

/** The first 100 real updates go over HTTP into a PostgreSQL server, while their products and others are cached. */
let database: Awaited<ReturnType<typeof debianDatabase>>
let runtime: Runtime
let server: RunningServer
let model: DebianModel
let updates: PackageUpdate[]
let summary: ReplaySummary
let versionsBefore: ReadonlyMap<string, number>

const updated = () => updates.map(({ name }) => name)
/** Cached too, and not to be touched by any of the updates. */
const BYSTANDERS = ['gnome', 'libc6', 'bash', 'g++', 'coreutils']
const keyOf = (product: string, name: string) => `${product}/${encodeURIComponent(name)}`

beforeAll(async () => {
  ;[database, model, updates] = await Promise.all([
    debianDatabase(inject('postgres').connectionString),
    DebianModel.read(),
    readUpdates().then((all) => all.slice(0, 100)),
  ])
  const settings = {
    store: { kind: 'memory' },
    sources: { debian: { kind: 'postgres', connectionString: database.connectionString } },
    limits: { deadline: '60s' },
  }
  runtime = await createRuntime(resolveConfig(settings, { folder: process.cwd(), environment: {} }))
  const { edge, kck, clock } = runtime
  server = await startServer({ edge, kck, clock, port: 0 })

  const names = [...updated(), ...BYSTANDERS]
  versionsBefore = new Map(await Promise.all(names.map(async (name) => [name, await versionOf(name)] as const)))
  summary = await replay(updates, { url: server.url, perSecond: 1_000 })
})

afterAll(async () => {
  await server?.close()
  await runtime?.close()
  await database?.drop()
})

async function versionOf(name: string): Promise<number> {
  return (await runtime.kck.fetch(keyOf('package', name))).version
}

test('every update is accepted, and names at least the product that is its package', () => {
  expect(summary).toMatchObject({ updates: 100, failed: [] })
  expect(summary.changed).toBeGreaterThanOrEqual(100)
})

test('the database has exactly these changes', async () => {
  const { rows } = await database.client.query<DebianPackage & { updated: boolean }>(
    `select name, version, section, maintainer_id, source, installed_kib, size_bytes::float8 as size_bytes,
      updated_at is not null as updated from package`,
  )
  const expected = new Map([...model.packages].map(([name, each]) => [name, { ...each, updated: false }]))
  for (const { name, ...changes } of updates) {
    expected.set(name, { ...(expected.get(name) as DebianPackage), ...changes, updated: true })
  }
  expect(new Map(rows.map((row) => [row.name, row]))).toEqual(expected)
})

describe('a cached product', () => {
  test('of an updated package is stale, and then shows the new version', async () => {
    for (const { name, ...changes } of updates) {
      const answer = await runtime.kck.fetch(keyOf('package', name), { maxStaleMs: 0 })
      expect(answer.version).toBeGreaterThan(versionsBefore.get(name) ?? 0)
      expect(await runtime.kck.get(keyOf('package', name))).toMatchObject({ name, ...changes })
    }
  })

  test('of another package is fresh and was not computed again', async () => {
    for (const name of BYSTANDERS) {
      const answer = await runtime.kck.fetch(keyOf('package', name))
      expect({ name, state: answer.state, version: answer.version }).toEqual({
        name,
        state: 'fresh',
        version: versionsBefore.get(name),
      })
    }
  })
})

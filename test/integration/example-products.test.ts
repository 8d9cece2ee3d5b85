import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { resolveConfig } from '../../src/config/resolve.ts'
import { createRuntime, type Runtime } from '../../src/local/runtime.ts'
import { DebianModel, debianDatabase } from '../support/debian.ts'

/** The example as `npm start` serves it, but on a PostgreSQL server; every answer is compared with plain maps in JavaScript. */
let database: Awaited<ReturnType<typeof debianDatabase>>
let runtime: Runtime
let model: DebianModel

beforeAll(async () => {
  ;[database, model] = await Promise.all([debianDatabase(inject('postgres').connectionString), DebianModel.read()])
  const settings = {
    store: { kind: 'memory' },
    sources: { debian: { kind: 'postgres', connectionString: database.connectionString } },
    limits: { deadline: '60s' },
  }
  runtime = await createRuntime(resolveConfig(settings, { folder: process.cwd(), environment: {} }))
})

afterAll(async () => {
  await runtime?.close()
  await database?.drop()
})

const pick = <T extends object, K extends keyof T>(each: T, ...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, each[name]]))

describe('the data', () => {
  test('is all there', async () => {
    const { rows } = await database.client.query(
      'select (select count(*)::int from package) as packages, (select count(*)::int from depends) as depends',
    )
    expect(rows).toEqual([{ packages: 63_436, depends: 273_919 }])
    expect(model.packages.size).toBe(63_436)
  })
})

describe('a product', () => {
  const cases: readonly [key: string, expected: () => unknown][] = [
    ['package/gnome', () => ({ ...model.packages.get('gnome'), updated_at: null })],
    ['package/g%2B%2B', () => ({ ...model.packages.get('g++'), updated_at: null })],
    ['package/no-such-package', () => null],
    [
      'dependencies/gnome',
      () =>
        (model.dependencies.get('gnome') ?? [])
          .toSorted()
          .map((name) => ({ name, version: model.packages.get(name)?.version ?? null })),
    ],
    ['dependents/libssl3', () => (model.dependents.get('libssl3') ?? []).toSorted().map((name) => ({ name }))],
    ['dependents/no-such-package', () => []],
    ['install_footprint/gnome', () => model.footprint('gnome')],
    ['install_footprint/libc6', () => model.footprint('libc6')],
    ['install_footprint/no-such-package', () => ({ packages: 0, installed_kib: 0, download_bytes: 0 })],
    ['all_dependents/libssl3', () => model.allDependents('libssl3')],
    ['all_dependents/gnome', () => model.allDependents('gnome')],
    [
      'maintainer_packages/98',
      () =>
        model
          .of((each) => each.maintainer_id === 98)
          .map((each) => pick(each, 'name', 'version', 'section', 'installed_kib')),
    ],
    ['blast_radius/98', () => model.blastRadius(98)],
    ['blast_radius/2', () => model.blastRadius(2)],
    ['updated_since/2020-01-01', () => []],
    [
      'largest_packages/installed/false/3',
      () =>
        model
          .of(({ section }) => section !== 'libs' && section !== 'libdevel')
          .sort((a, b) => b.installed_kib - a.installed_kib)
          .slice(0, 3)
          .map((each) => pick(each, 'name', 'section', 'installed_kib', 'size_bytes')),
    ],
    [
      'largest_packages/download/true/5',
      () =>
        model
          .of(() => true)
          .sort((a, b) => b.size_bytes - a.size_bytes)
          .slice(0, 5)
          .map((each) => pick(each, 'name', 'section', 'installed_kib', 'size_bytes')),
    ],
    [
      'section_packages/games',
      () =>
        model
          .of(({ section }) => section === 'games')
          .map((each) => pick(each, 'name', 'version', 'installed_kib', 'size_bytes')),
    ],
    ['package_card/libssl3', () => model.card('libssl3')],
    ['package_card/no-such-package', () => null],
    ['section_report/games', () => model.sectionReport('games')],
    ['section_report/nowhere', () => ({ section: 'nowhere', packages: 0, installedKib: 0, largest: [] })],
    ['archive_report', () => model.archiveReport()],
  ]

  test.each(cases)('is right: %s', async (key, expected) => {
    expect(await runtime.kck.get(key)).toEqual(expected())
  })

  test('says what the README says', async () => {
    expect(await runtime.kck.get('install_footprint/gnome')).toMatchObject({ packages: 1_132 })
    expect(await runtime.kck.get('all_dependents/libssl3')).toMatchObject({ packages: 25_150 })
  })
})

test('every primer of the example has been asked for above', () => {
  expect([...runtime.kck.registry.primers.keys()].toSorted()).toEqual([
    'all_dependents',
    'archive_report',
    'blast_radius',
    'dependencies',
    'dependents',
    'install_footprint',
    'largest_packages',
    'maintainer_packages',
    'package',
    'package_card',
    'section_packages',
    'section_report',
    'updated_since',
  ])
})

describe('a bad parameter is refused', () => {
  test.each([
    ['largest_packages/weight/false/3', 'by'],
    ['largest_packages/installed/no/3', 'libraries'],
    ['largest_packages/installed/false/three', 'count'],
    ['updated_since/2026-02-30', 'day'],
    ['maintainer_packages/0x10', 'maintainer_id'],
  ])('%s', async (key, parameter) => {
    await expect(runtime.kck.get(key)).rejects.toMatchObject({ code: 'BAD_PARAMETER', details: { parameter } })
  })
})

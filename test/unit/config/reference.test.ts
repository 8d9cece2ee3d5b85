import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { referenceOf } from '../../../scripts/reference.ts'
import { resolveConfig } from '../../../src/config/resolve.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const page = referenceOf(read('src/config/config.ts'))

it('docs/configuration.md is what the settings say: run node scripts/reference.ts', () => {
  expect(read('docs/configuration.md')).toBe(page)
})

it('names every variable that the settings can come from', () => {
  const variables = read('src/config/environment.ts').match(/\b(KCK|CASSANDRA)_[A-Z_]+(?=: \[)/g) ?? []
  expect(variables.length).toBeGreaterThan(20)
  expect(variables.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})

/** What a section takes, as it says itself when it is given something else. */
function settingsAt(path: readonly string[], given: Readonly<Record<string, unknown>> = {}): readonly string[] {
  const leaf: Record<string, unknown> = { ...given, zzzzzzzzzz: 1 }
  const file = path.reduceRight<Record<string, unknown>>((inner, name) => ({ [name]: inner }), leaf)
  try {
    resolveConfig(file, { folder: '/', environment: {} })
  } catch (error) {
    const listed = /zzzzzzzzzz is not a setting; here are (.+)/.exec((error as Error).message)?.[1]
    return listed?.split(', ') ?? []
  }
  return []
}

it.each([
  [[]],
  [['store'], { kind: 'cassandra' }],
  [['store'], { kind: 'keyspaces' }],
  [['queue'], { kind: 'sqs' }],
  [['sources', 'main'], { kind: 'rds-data' }],
  [['auth']],
  [['access']],
  [['replica']],
  [['nearCache']],
  [['writes']],
  [['largeBodies']],
  [['limits']],
  [['server']],
] as [string[], Record<string, unknown>?][])('documents every setting of %j %j', (path, given) => {
  const settings = settingsAt(path, given)
  expect(settings.length).toBeGreaterThan(1)
  // In a table, or as a section of its own.
  const shown = (name: string) => name === 'kind' || new RegExp(`(\\| |## )\`([\\w.<>]+\\.)?${name}[\`.]`).test(page)
  expect(settings.filter((name) => !shown(name))).toEqual([])
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { METRICS } from '../../../src/metrics/names.ts'

test('the page on observability lists every metric as it is', () => {
  const page = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8')
  const rows = Object.entries(METRICS).map(([name, { unit, meaning }]) => `| ${name} | ${unit} | ${meaning} |`)
  expect(page.split('\n').filter((line) => / \| (Count|Milliseconds) \| /.test(line))).toEqual(rows)
})

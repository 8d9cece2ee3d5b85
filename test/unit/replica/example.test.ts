import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { prices } from '../../../examples/replica/prices.ts'

const folder = mkdtempSync(join(tmpdir(), 'kck-prices-'))
const root = join(import.meta.dirname, '../../..')
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('the example of docs/replica.md runs', async () => {
  expect(await prices(folder)).toEqual(['apple: 1.2', 'keys: apple pear plum', 'left: apple pear'])
})

it('docs/replica.md quotes it', () => {
  const example = readFileSync(join(root, 'examples/replica/prices.ts'), 'utf8')
  expect(readFileSync(join(root, 'docs/replica.md'), 'utf8')).toContain(`\`\`\`ts\n${example}\`\`\`\n`)
})

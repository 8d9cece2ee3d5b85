import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runReaders } from '../../simulation/after.ts'
import { AFTER_MUTANTS } from '../../simulation/after-mutants.ts'

const SEEDS = 60
const main = fileURLToPath(new URL('../../simulation/after-main.ts', import.meta.url))

async function runAll(options: { readonly tokens: boolean }) {
  const all = { violations: [] as string[], answers: 0, refusals: 0 }
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations, answers, refusals } = await runReaders(seed, options)
    all.violations.push(...violations.map((violation) => `seed ${seed}: ${violation}`))
    all.answers += answers
    all.refusals += refusals
  }
  return all
}

describe('clients that write and read back through two processes', () => {
  test('never see less than they have written', { timeout: 120_000 }, async () => {
    const { violations, answers, refusals } = await runAll({ tokens: true })
    expect(violations).toEqual([])
    expect(answers).toBeGreaterThan(SEEDS * 60)
    expect(refusals).toBeLessThan(answers / 10)
  })

  test('do see it without tokens', { timeout: 120_000 }, async () => {
    expect((await runAll({ tokens: false })).violations.length).toBeGreaterThan(SEEDS)
  })

  test.each(Object.keys(AFTER_MUTANTS))('find out that %s', { timeout: 120_000 }, async (mutant) => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, '--mutant', mutant, '--seeds', '200'])
    expect(JSON.parse(stdout)).not.toEqual([])
  })
})

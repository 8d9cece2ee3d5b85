import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { MUTANTS, type Mutant } from './mutants.ts'
import type { Simulated } from './simulate.ts'

const run = promisify(execFile)
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const SEEDS = 5_000

/**
 * Every planted bug must be found: a simulation that finds nothing may be one that looks at nothing. It begins with the
 * seed that found it first. Where the core has changed since, another one finds it, among the first 5,000.
 */
test.concurrent.each(Object.entries(MUTANTS))('finds out that %s', { timeout: 600_000 }, async (name, mutant) => {
  if (mutant.masked) {
    const { slow } = await simulateMutant(name, mutant, { seed: mutant.seed, seeds: mutant.masked })
    expect(slow).not.toEqual([])
    return
  }
  const { broken } = await simulateMutant(name, mutant, { seed: mutant.seed, seeds: SEEDS - mutant.seed + 1 })
  if (broken.length > 0) return
  const before = await simulateMutant(name, mutant, { seed: 1, seeds: mutant.seed - 1 })
  expect(before.broken).not.toEqual([])
})

async function simulateMutant(
  name: string,
  { scenario }: Mutant,
  { seed, seeds }: { readonly seed: number; readonly seeds: number },
): Promise<Simulated & { readonly slow: readonly string[] }> {
  const args = ['--scenario', scenario, '--seed', String(seed), '--seeds', String(seeds), '--failures', '1', '--json']
  const plant = new URL('./plant-mutant.ts', import.meta.url).href
  try {
    const { stdout } = await run(process.execPath, ['--import', plant, pathOf('./long.ts'), ...args], {
      env: { ...process.env, KCK_MUTANT: name },
      maxBuffer: 64 * 1024 * 1024,
    })
    return JSON.parse(stdout)
  } catch (error) {
    // It ends with 1 when it found something; anything else is a failure of its own.
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number }
    if (code !== 1 || stdout === '') throw new Error(`The simulation itself failed: ${stderr}`, { cause: error })
    return JSON.parse(stdout)
  }
}

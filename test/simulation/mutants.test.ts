import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { MUTANTS } from './mutants.ts'
import type { Simulated } from './simulate.ts'

const run = promisify(execFile)
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const SEEDS = 5_000

/** Every planted bug must be found: a simulation that finds nothing may be one that looks at nothing. */
test.concurrent.each(Object.keys(MUTANTS))('finds out that %s', { timeout: 600_000 }, async (name) => {
  const mutant = MUTANTS[name]
  if (!mutant) throw new Error(name)
  const simulated = await simulateMutant(name, mutant.scenario, mutant.seed)
  expect(simulated.broken).not.toEqual([])
})

async function simulateMutant(name: string, scenario: string, seed: number): Promise<Simulated> {
  const seeds = String(SEEDS - seed + 1)
  const args = ['--scenario', scenario, '--seed', String(seed), '--seeds', seeds, '--failures', '1', '--json']
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

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MUTANTS } from './mutants.ts'
import type { Simulated } from './simulate.ts'

const run = promisify(execFile)
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** Runs `seeds` schedules from `seed` on, or up to the first that breaks something, in a process with that bug in it. */
export async function simulateMutant(
  name: string,
  { seed, seeds }: { readonly seed: number; readonly seeds: number },
): Promise<Simulated & { readonly slow: readonly string[] }> {
  const scenario = MUTANTS[name]?.scenario ?? ''
  const args = [
    '--scenario',
    scenario,
    '--seed',
    String(seed),
    '--seeds',
    String(seeds),
    '--failures',
    '1',
    '--threads',
    '1',
  ]
  const plant = new URL('./plant-mutant.ts', import.meta.url).href
  try {
    const { stdout } = await run(process.execPath, ['--import', plant, pathOf('./long.ts'), ...args, '--json'], {
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

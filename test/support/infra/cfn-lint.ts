import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const VERSION = '1.58.0'
const run = promisify(execFile)

/** CDK names dependencies that references imply too. */
const IGNORED = 'W3005'

/**
 * What cfn-lint says of templates; '' when it finds nothing. It is installed into the user's cache folder by the first
 * call. Null where it cannot be (no Python, no network); with `CI=true` that is an error.
 */
export async function cfnLint(templates: readonly string[]): Promise<string | null> {
  const program = await installed().catch((error: unknown) => {
    if (process.env['CI'] === 'true') throw error
    return null
  })
  if (program === null) return null
  const regions = ['us-east-1', 'eu-central-1']
  try {
    await run(program, ['-r', ...regions, '-i', IGNORED, '-t', ...templates])
    return ''
  } catch (error) {
    return (error as { readonly stdout?: string }).stdout || String(error)
  }
}

async function installed(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kck')
  const folder = join(cache, `cfn-lint-${VERSION}`)
  const program = join(folder, 'bin', 'cfn-lint')
  if (existsSync(join(folder, 'complete'))) return program
  await mkdir(cache, { recursive: true })
  // An environment of Python cannot be moved, so a mark says that it is complete.
  await rm(folder, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', folder])
  await run(join(folder, 'bin', 'pip'), ['install', '-q', '--disable-pip-version-check', `cfn-lint==${VERSION}`])
  const mark = await mkdtemp(join(folder, '.complete-'))
  await rename(mark, join(folder, 'complete'))
  return program
}

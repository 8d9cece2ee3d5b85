import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify, styleText } from 'node:util'

const run = promisify(execFile)

const VERSION = '4.0.2'
const recipe = fileURLToPath(new URL('./ric/', import.meta.url))
const entry = 'node_modules/aws-lambda-ric/index.mjs'

/**
 * The program that AWS runs in its Node.js functions, installed by npm and compiled (35 s) on the first call and kept in
 * the user's cache folder. A folder under its final name is complete. Throws, saying what the machine lacks.
 */
export async function runtimeClient(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kck')
  const folder = join(cache, `aws-lambda-ric-${VERSION}-${process.platform}-${process.arch}`)
  if (existsSync(folder)) return join(folder, entry)
  await mkdir(cache, { recursive: true })
  const building = await mkdtemp(join(cache, '.aws-lambda-ric-'))
  try {
    for (const name of ['package.json', 'package-lock.json']) await copyFile(join(recipe, name), join(building, name))
    await install(building)
    await rename(building, folder).catch((error: NodeJS.ErrnoException) => {
      // Another run was faster; its folder is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return join(folder, entry)
}

/** The same for tests: null, and said in red, where it cannot be had; with `CI=true` or `KCK_REQUIRE_LAMBDA=1` that is a failure. */
export async function runtimeClientOrNull(): Promise<string | null> {
  try {
    return await runtimeClient()
  } catch (error) {
    if (process.env['CI'] === 'true' || process.env['KCK_REQUIRE_LAMBDA'] === '1') throw error
    process.stderr.write(`${styleText('red', `TESTS OF THE FUNCTIONS ARE SKIPPED: ${(error as Error).message}`)}\n`)
    return null
  }
}

async function install(cwd: string): Promise<void> {
  const env = { ...process.env, npm_config_nodedir: nodeFolder(), npm_config_loglevel: 'error' }
  try {
    await run('npm', ['ci', '--no-audit', '--no-fund', '--foreground-scripts'], { cwd, env, maxBuffer: 64 << 20 })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    const message = 'The Lambda runtime client could not be built; it needs npm, cmake, make, g++, python3 and xz'
    throw new Error(`${message}. The end of what npm said:\n${`${stdout}${stderr}`.trim().slice(-1_500)}`, {
      cause: error,
    })
  }
}

/** The folder with `include/node`: node-gyp would download it otherwise. The npm package of this Node brings it. */
function nodeFolder(): string {
  const folders = [dirname(dirname(process.execPath)), '/usr', '/usr/local']
  const found = folders.find((folder) => existsSync(join(folder, 'include/node/node_api.h')))
  if (found === undefined) throw new Error('No C headers of Node.js found (Debian: apt-get install libnode-dev)')
  return found
}

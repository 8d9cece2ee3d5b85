// `npm start`, `npm test` and `npm run bench`, `cloud-local` and `simulate` begin here. A fresh clone has no packages yet
// and may have an old Node, so this is plain JavaScript for Node 18: it installs what is missing and goes on under the Node that the project brings.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
/** npm's own record of what it installed. It writes it last, so it is missing after an install that was cut short. */
const record = join(root, 'node_modules', '.package-lock.json')

const [command = '', ...args] = process.argv.slice(2)
const scripts = {
  start: 'scripts/start.ts',
  test: 'scripts/test.ts',
  bench: 'bench/run.ts',
  'cloud-local': 'test/support/cloud/main.ts',
  simulate: 'test/simulation/long.ts',
}
if (!Object.hasOwn(scripts, command)) fail(`Say one of: ${Object.keys(scripts).join(', ')}.`)

if (!isInstalled()) install()
process.env.PATH = [bin, process.env.PATH ?? ''].join(delimiter)
await run(chooseNode(), join(root, scripts[command]))

/** Compares contents, not times: a checkout gives every file a new time. */
function isInstalled() {
  if (!existsSync(record)) return false
  const installed = packagesOf(record)
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(([path, { version, optional }]) => {
    // The root itself is not recorded, and an optional package may be one for other machines.
    if (path === '' || (optional && !installed[path])) return true
    return installed[path]?.version === version
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {}
  } catch {
    return {}
  }
}

function install() {
  const began = Date.now()
  process.stderr.write('Installing packages (needed once, 20 to 60 seconds) ...\n')
  // First of all, so that an install that dies while it removes the old packages is not taken for a complete one.
  rmSync(record, { force: true })
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath ?? ''
  // npm tells its scripts where it is; by itself it is found on the PATH (on Windows only through a shell).
  const { status, error } = basename(npm).startsWith('npm-cli')
    ? spawnSync(process.execPath, [npm, ...options], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    : spawnSync('npm', options, {
        cwd: root,
        stdio: ['ignore', 'ignore', 'inherit'],
        shell: process.platform === 'win32',
      })
  if (status !== 0) {
    rmSync(record, { force: true })
    fail(`Packages could not be installed${error ? `: ${error.message}` : ''}. Is there a network? Try: npm ci`)
  }
  process.stderr.write(`Installed in ${Math.round((Date.now() - began) / 1000)} s.\n`)
}

/** The Node of the project where it runs here (Linux with glibc), else this one if it is new enough. */
function chooseNode() {
  const own = join(bin, 'node')
  if (existsSync(own)) {
    if (realpathSync(own) === realpathSync(process.execPath)) return process.execPath
    if (spawnSync(own, ['--version']).status === 0) return own
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 18)) {
    fail(`KCK needs Node 22.18 or newer, and this is ${process.version}. See https://nodejs.org.`)
  }
  return process.execPath
}

async function run(node, file) {
  if (node === process.execPath) {
    process.argv = [node, file, ...args]
    await import(pathToFileURL(file).href)
    return
  }
  const child = spawn(node, [file, ...args], { stdio: 'inherit' })
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGHUP', () => child.kill('SIGHUP'))
  // A terminal sends its Ctrl-C to the child as well; then this process only waits for it.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('error', (error) => fail(error.message))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** A project of its own with the real bootstrap, and an npm that only keeps a diary of how it was called. */
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kck-bootstrap-'))
  write('package.json', { type: 'module' })
  write('package-lock.json', lockOf({ a: { version: '1.0.0' }, b: { version: '2.0.0', optional: true } }))
  write(
    'scripts/test.ts',
    "const list: string[] = process.argv.slice(2)\nconsole.log('ran', list.join())\nprocess.exitCode = 7\n",
  )
  write('npm-cli.js', FAKE_NPM)
  cpSync('scripts/bootstrap.js', join(root, 'scripts/bootstrap.js'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const FAKE_NPM = `
  import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
  appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n')
  mkdirSync('node_modules/a', { recursive: true })
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  delete packages['']
  delete packages['node_modules/b']
  const record = () => writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }))
  if (process.env.NPM_DIES === 'before') process.kill(process.pid, 'SIGKILL')
  record()
  if (process.env.NPM_DIES === 'after') process.exit(1)
`

const lockOf = (packages: Record<string, object>) => ({
  packages: {
    '': { name: 'project' },
    ...Object.fromEntries(Object.entries(packages).map(([name, entry]) => [`node_modules/${name}`, entry])),
  },
})

function write(path: string, content: string | object): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
}

function bootstrap(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/bootstrap.js', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, npm_execpath: join(root, 'npm-cli.js'), ...env },
  })
  return { status, stdout, stderr }
}

const installs = () =>
  existsSync(join(root, 'npm.log')) ? readFileSync(join(root, 'npm.log'), 'utf8').trim().split('\n') : []

describe('a fresh clone', () => {
  test('installs from the lock, then runs the command with its arguments and exit code', () => {
    const { status, stdout, stderr } = bootstrap(['test', '--project', 'unit'])
    expect(installs()).toEqual(['ci --no-audit --no-fund --loglevel=error'])
    expect(stderr).toContain('Installing packages')
    expect(stdout).toBe('ran --project,unit\n')
    expect(status).toBe(7)
  })

  test('installs once', () => {
    bootstrap(['test'])
    const second = bootstrap(['test'])
    expect(installs()).toHaveLength(1)
    expect(second).toEqual({ status: 7, stdout: 'ran \n', stderr: '' })
  })
})

describe('an install that did not end well', () => {
  test.each(['before', 'after'])('is tried again (npm died %s it had recorded what it installed)', (when) => {
    const failed = bootstrap(['test'], { NPM_DIES: when })
    expect(failed.status).toBe(1)
    expect(failed.stderr).toContain('Packages could not be installed')
    expect(failed.stdout).toBe('')
    expect(bootstrap(['test']).stdout).toBe('ran \n')
    expect(installs()).toHaveLength(2)
  })

  test('leaves no record of the packages that were there before', () => {
    bootstrap(['test'])
    write('package-lock.json', lockOf({ a: { version: '1.0.1' } }))
    bootstrap(['test'], { NPM_DIES: 'before' })
    expect(existsSync(join(root, 'node_modules/.package-lock.json'))).toBe(false)
  })
})

describe('packages that do not match the lock', () => {
  test.each([
    ['another version', { a: { version: '1.0.1' } }],
    ['a package more', { a: { version: '1.0.0' }, c: { version: '1.0.0' } }],
  ])('are installed anew: %s', (_, packages) => {
    bootstrap(['test'])
    write('package-lock.json', lockOf(packages))
    bootstrap(['test'])
    expect(installs()).toHaveLength(2)
  })

  test('a lock that is only newer than the packages, as after a checkout, is no reason', () => {
    bootstrap(['test'])
    write('package-lock.json', readFileSync(join(root, 'package-lock.json'), 'utf8'))
    bootstrap(['test'])
    expect(installs()).toHaveLength(1)
  })
})

test('an unknown command is refused before anything is installed', () => {
  const { status, stderr } = bootstrap(['toString'])
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'Say one of: start, test, bench, cloud-local, simulate.\n' })
  expect(installs()).toEqual([])
})

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { CassandraAddress } from '../../test/support/cassandra/start.ts'
import type { Cleanup } from './cleanup.ts'
import { type ServerProcess, startProgram } from './process.ts'
import { freePort } from './services.ts'

/**
 * The original KCK as published. Its own list of dependencies names a wrong package (`jwt` for PyJWT) and leaves two out
 * (tornado, pytest), and it does not run with PyYAML 6 or SQLAlchemy 2.
 */
const KCK = 'kck==0.6.3'
const NEEDS = [
  'PyYAML==5.3.1',
  'python-dateutil',
  'cassandra-driver==3.30.1',
  'SQLAlchemy<2',
  'psycopg2-binary',
  'jsonpath-ng',
  'simple-settings',
  'tornado',
  'pytest',
  'pyjwt',
]
/** The newest that its dependencies build on, first. */
const PYTHONS = ['python3.11', 'python3.10', 'python3.9', 'python3']
const INSTALL_MS = 300_000

const run = promisify(execFile)

export interface OriginalOptions {
  readonly connectionString: string
  readonly cassandra: CassandraAddress
  readonly keyspace: string
  /** Put the orders of customers 1 to this into its cache before it listens. */
  readonly fill: number
}

/** The original KCK on its own HTTP server, with the primers of `bench/data`; or why it cannot be had. */
export async function startOriginal(options: OriginalOptions, cleanup: Cleanup): Promise<ServerProcess | string> {
  const folder = fileURLToPath(new URL('../original', import.meta.url))
  try {
    const port = await freePort()
    const program = {
      name: 'The original KCK',
      command: await installed(),
      args: [join(folder, 'serve.py'), `--port=${port}`, '--logging=error'],
      env: {
        SIMPLE_SETTINGS: 'settings',
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONWARNINGS: 'ignore',
        BENCH_DATA: fileURLToPath(new URL('../data', import.meta.url)),
        BENCH_POSTGRES: options.connectionString,
        BENCH_CASSANDRA_HOSTS: options.cassandra.contactPoints.join(','),
        BENCH_CASSANDRA_PORT: String(options.cassandra.port),
        BENCH_KEYSPACE: options.keyspace,
        BENCH_FILL: String(options.fill),
      },
      port,
      ready: /listening on \d+/,
    }
    return await startProgram(program, cleanup)
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(-3).join(' ').slice(-300)
  }
}

/** Its Python, in a folder of the user's cache; installed when it is not there yet. */
async function installed(): Promise<string> {
  const home = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kck', 'original-0.6.3')
  const python = join(home, 'bin', 'python')
  if (existsSync(join(home, 'complete'))) return python
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  await run(await findPython(), ['-m', 'venv', home], { timeout: INSTALL_MS })
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  await run(python, [...pip, '--no-deps', KCK], { timeout: INSTALL_MS })
  await run(python, [...pip, ...NEEDS], { timeout: INSTALL_MS })
  writeFileSync(join(home, 'complete'), '')
  return python
}

async function findPython(): Promise<string> {
  for (const python of PYTHONS) {
    const works = await run(python, ['-c', 'import venv']).then(
      () => true,
      () => false,
    )
    if (works) return python
  }
  throw new Error('there is no Python 3')
}

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

/** A PostgreSQL server for tests. `stop` leaves nothing behind. */
export interface PostgresServer {
  readonly connectionString: string
  stop(): Promise<void>
}

/** A server of our own, which may also be hurt. */
export interface OwnPostgresServer extends PostgresServer {
  /** The postmaster's process id; changes with `restart`. */
  readonly pid: number
  /** SIGKILL to the postmaster and to every backend, at once. */
  kill(): Promise<void>
  /** SIGSTOP to all of them: connections stay open and nobody answers. */
  pause(): void
  resume(): void
  /** Starts again on the same port and data, after `kill` or not. */
  restart(): Promise<void>
}

/** No server can be had on this machine; the message says why. */
class PostgresMissingError extends Error {
  override readonly name = 'PostgresMissingError'
}

/** The server named by `KCK_TEST_POSTGRES_URL`, or one of our own. */
export async function startPostgres(): Promise<PostgresServer> {
  const url = process.env['KCK_TEST_POSTGRES_URL']
  return url ? { connectionString: url, stop: async () => {} } : startOwnPostgres()
}

/**
 * Starts the machine's PostgreSQL on a free loopback port with a temporary data folder, as another user when we are
 * root (PostgreSQL refuses root). Its settings are for speed: the data survives `kill`, but not a real power cut.
 */
export async function startOwnPostgres(
  options: { port?: number; settings?: readonly string[] } = {},
): Promise<OwnPostgresServer> {
  const bin = findBinaries()
  const user = serverUser()
  const folder = mkdtempSync(join(tmpdir(), 'kck-postgres-'))
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })

  try {
    await run(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
      {
        ...user,
        cwd: folder,
      },
    )
    const port = options.port ?? (await freePort())
    const start = () => startPostmaster({ bin, data, port, user, settings: options.settings ?? [] })
    const connectionString = `postgresql://postgres@127.0.0.1:${port}/postgres`
    let postmaster = await start()
    await query(connectionString, 'create extension if not exists pg_stat_statements').catch(() => {})

    const signalAll = (signal: NodeJS.Signals) => {
      // Stop the parent first so that it cannot start another child meanwhile.
      for (const pid of [pidOf(postmaster), ...childrenOf(pidOf(postmaster))]) tryKill(pid, signal)
    }
    const end = async (signal: NodeJS.Signals, everyone: boolean) => {
      if (postmaster.exitCode !== null || postmaster.signalCode !== null) return
      postmaster.ref()
      const exited = once(postmaster, 'exit')
      if (everyone) signalAll(signal)
      else tryKill(pidOf(postmaster), signal)
      await exited
    }
    const cleanUp = () => {
      if (postmaster.exitCode === null && postmaster.signalCode === null) signalAll('SIGKILL')
      removeFolder()
    }
    process.once('exit', cleanUp)

    return {
      connectionString,
      get pid() {
        return pidOf(postmaster)
      },
      kill: () => end('SIGKILL', true),
      pause: () => signalAll('SIGSTOP'),
      resume: () => signalAll('SIGCONT'),
      restart: async () => {
        await end('SIGINT', false)
        postmaster = await start()
      },
      stop: async () => {
        process.removeListener('exit', cleanUp)
        signalAll('SIGCONT')
        await end('SIGINT', false)
        removeFolder()
      },
    }
  } catch (error) {
    removeFolder()
    throw error
  }
}

export interface TestDatabase {
  readonly connectionString: string
  drop(): Promise<void>
}

/** An empty database of its own, so that test files do not see each other. */
export async function createDatabase(
  serverConnectionString: string,
  label = 'test',
  name = `kck_${label}_${randomBytes(4).toString('hex')}`,
): Promise<TestDatabase> {
  await query(serverConnectionString, `create database "${name}"`)
  const url = new URL(serverConnectionString)
  url.pathname = `/${name}`
  return {
    connectionString: url.href,
    drop: () => query(serverConnectionString, `drop database if exists "${name}" with (force)`),
  }
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

interface Postmaster {
  readonly bin: string
  readonly data: string
  readonly port: number
  readonly user: User | undefined
  /** More of them; the last of a name counts. */
  readonly settings: readonly string[]
}

async function startPostmaster({ bin, data, port, user, settings: more }: Postmaster): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=100',
    'shared_buffers=64MB',
    'fsync=off',
    'full_page_writes=off',
    'autovacuum=off',
    'deadlock_timeout=100ms',
    ...(existsSync(join(bin, '../lib/pg_stat_statements.so'))
      ? ['shared_preload_libraries=pg_stat_statements', 'pg_stat_statements.track=all']
      : []),
    ...more,
  ].flatMap((setting) => ['-c', setting])
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
    ...user,
    cwd: data,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // The test process may end without us; `process.once('exit')` takes the server along.
  child.unref()
  ;(child.stderr as Socket | null)?.unref()
  let log = ''
  child.stderr?.on('data', (chunk) => {
    log = (log + chunk).slice(-4000)
  })
  child.once('error', (error) => {
    log += String(error)
  })
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null || child.pid === undefined) break
    const answer = query(`postgresql://postgres@127.0.0.1:${port}/postgres`, 'select 1')
    if (
      await answer.then(
        () => true,
        () => false,
      )
    )
      return child
    await delay(50)
  }
  child.kill('SIGKILL')
  throw new PostgresMissingError(`PostgreSQL did not start:\n${log}`)
}

function findBinaries(): string {
  const versions = '/usr/lib/postgresql'
  const installed = existsSync(versions)
    ? readdirSync(versions)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(versions, version, 'bin'))
    : []
  const candidates = [...(process.env['PATH'] ?? '').split(delimiter), ...installed]
  const found = candidates.find(
    (folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres')),
  )
  if (!found)
    throw new PostgresMissingError(
      'No PostgreSQL server found: install one (Debian: apt-get install postgresql) or set KCK_TEST_POSTGRES_URL',
    )
  // A link in /usr/local/bin says nothing of where the server's libraries lie.
  return dirname(realpathSync(join(found, 'postgres')))
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to run as root: then its own user, or nobody. */
function serverUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const entry = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!entry) throw new PostgresMissingError('PostgreSQL does not run as root, and there is no user postgres or nobody')
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function run(command: string, args: string[], options: SpawnOptions): Promise<void> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr?.on('data', (chunk) => {
    log += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new PostgresMissingError(`${command} failed:\n${log}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('No free port')
  return address.port
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('PostgreSQL is not running')
  return child.pid
}

function childrenOf(parent: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent)
    .map(([pid]) => pid as number)
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Already gone.
  }
}

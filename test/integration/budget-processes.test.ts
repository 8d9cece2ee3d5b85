import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { createKeyspace } from '../support/cassandra/keyspace.ts'
import { createDatabase } from '../support/postgres.ts'
import type { BudgetProcess } from './budget-process.ts'

const server = inject('postgres').connectionString
const cassandra = inject('cassandra')
const times = { statementTimeoutMs: 1_000, leaseMs: 16_000, skewMs: 500 }
const cleanUps: (() => Promise<void> | void)[] = []
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

describe.each(['lmdb', 'cassandra'] as const)('two processes with registers in %s', { concurrent: true }, (kind) => {
  test.skipIf(kind === 'cassandra' && cassandra === null)(
    'never run more statements than the budget, and one has it all when the other was killed',
    { timeout: 120_000 },
    async () => {
      const connectionString = await database()
      const told = {
        store: kind === 'lmdb' ? { lmdb: folder() } : { cassandra: await keyspace() },
        connectionString,
        budget: { concurrency: 6, perSecond: null },
        clients: 12,
        statementMs: 150,
        times,
      }
      const watch = await watching(connectionString)
      const [one, other] = [start(told), start(told)]
      await Promise.all([one.ready, other.ready])
      await delay(3_000)
      const before = await watch.during(5_000)
      one.child.kill('SIGKILL')
      await one.exited
      const killedAt = performance.now()
      let recoveredMs = Number.POSITIVE_INFINITY
      while (performance.now() - killedAt < times.leaseMs + times.skewMs + 10_000) {
        const { mean } = await watch.during(1_000)
        if (mean < 5) continue
        recoveredMs = Math.round(performance.now() - killedAt)
        break
      }
      const after = await watch.during(3_000)
      const counts = await other.finish()
      const left = await watch.during(500)
      const { most } = watch
      const figures = { most, meanBefore: before.mean, meanAfter: after.mean, recoveredMs, looks: watch.looks }
      process.stdout.write(`budget of 6 over two processes, ${kind}: ${JSON.stringify({ ...figures, ...counts })}\n`)
      expect(watch.most).toBeLessThanOrEqual(6)
      expect(watch.most).toBeGreaterThanOrEqual(5)
      expect(recoveredMs).toBeLessThan(Number.POSITIVE_INFINITY)
      expect(left.mean).toBe(0)
    },
  )
})

test('two processes begin no more statements in a second than the budget', { timeout: 60_000 }, async () => {
  const connectionString = await database()
  const budget = { concurrency: 6, perSecond: 20 }
  const told = { store: { lmdb: folder() }, connectionString, budget, clients: 6, statementMs: 10, times }
  const watch = await watching(connectionString)
  const processes = [start(told), start(told)]
  await Promise.all(processes.map((each) => each.ready))
  // The first ones are late by the time it takes to connect.
  await delay(2_000)
  const warm = await watch.now()
  await delay(6_000)
  await Promise.all(processes.map((each) => each.finish()))
  const { seconds, count, most } = await watch.began(warm)
  const perSecond = count / seconds
  process.stdout.write(`budget of 20 a second over two processes: ${JSON.stringify({ perSecond, most, count })}\n`)
  // The first and the last second of a longer time may be parts of one.
  expect(count).toBeLessThanOrEqual(20 * (seconds + 1))
  expect(perSecond).toBeGreaterThan(16)
})

function start(told: BudgetProcess) {
  const script = join(import.meta.dirname, 'budget-process.ts')
  const child: ChildProcess = spawn(process.execPath, [script, JSON.stringify(told)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  cleanUps.push(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const exited = once(child, 'close')
  return {
    child,
    exited,
    ready: once(child.stdout ?? child, 'data'),
    finish: async () => {
      child.stdin?.end()
      await exited
      return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Record<string, number>
    },
  }
}

async function database(): Promise<string> {
  const { connectionString, drop } = await createDatabase(server, 'budget')
  cleanUps.push(drop)
  return connectionString
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'kck-budget-'))
  cleanUps.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function keyspace() {
  if (cassandra === null) throw new Error('There is no Cassandra')
  const { name: keyspace, drop } = await createKeyspace(cassandra)
  cleanUps.push(drop)
  return { ...cassandra, keyspace }
}

/** Looks again and again at what PostgreSQL runs. */
async function watching(connectionString: string) {
  const client = new pg.Client({ connectionString, application_name: 'watch' })
  await client.connect()
  await client.query('create table began (at timestamptz, slept text)')
  cleanUps.push(() => client.end())
  const watch = {
    most: 0,
    looks: 0,
    async look(): Promise<number> {
      const { rows } = await client.query(
        `select count(*)::int as running from pg_stat_activity
          where datname = current_database() and state = 'active' and application_name = 'kck' and query like 'insert into began%'`,
      )
      const running = Number(rows[0]?.running)
      watch.most = Math.max(watch.most, running)
      watch.looks += 1
      return running
    },
    async during(ms: number): Promise<{ mean: number }> {
      const counts: number[] = []
      for (const until = performance.now() + ms; performance.now() < until; ) counts.push(await watch.look())
      return { mean: Math.round((100 * counts.reduce((sum, count) => sum + count, 0)) / counts.length) / 100 }
    },
    async now(): Promise<string> {
      return (await client.query('select clock_timestamp()::text as now')).rows[0]?.now
    },
    /** What began, by the database's clock, and the most in any second. */
    async began(since: string): Promise<{ seconds: number; count: number; most: number }> {
      const { rows } = await client.query(
        `select extract(epoch from max(at) - min(at))::float8 as seconds, count(*)::int as count, max(within)::int as most
           from (select at, count(*) over (order by at range between current row and interval '999 ms' following) as within
                   from began where at > $1) as starts`,
        [since],
      )
      return rows[0]
    },
  }
  return watch
}

import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPostgresSource } from '../../src/adapters/postgres/source.ts'
import type { KckError } from '../../src/errors.ts'
import type { Source, SourceTransaction } from '../../src/ports/source.ts'
import { parseStatement, statementOf } from '../../src/sql/parse.ts'
import { createDatabase, type OwnPostgresServer, startOwnPostgres, type TestDatabase } from '../support/postgres.ts'

/** Rows 23 to 27 of the fault matrix that concern PostgreSQL: real signals to a real server. */
describe('a PostgreSQL server in trouble', () => {
  let server: OwnPostgresServer
  let database: TestDatabase
  const sources: Source[] = []

  beforeAll(async () => {
    server = await startOwnPostgres()
  })
  beforeEach(async () => {
    database = await createDatabase(server.connectionString, 'faults')
    return async () => {
      await Promise.all(sources.splice(0).map((source) => source.close()))
      await database.drop()
    }
  })
  afterAll(() => server?.stop())

  const open = (options = {}) => {
    const { connectionString } = database
    const source = createPostgresSource({ name: 'main', connectionString, connectTimeoutMs: 1000, ...options })
    sources.push(source)
    return source
  }

  test('killed in the middle of updates: none is lost and none happens twice', async () => {
    const source = open({ poolSize: 8 })
    await run(source, 'create table done (id int primary key)')
    await run(source, 'create table counter as select 0 as n')
    const acknowledged = new Set<number>()
    let unknown = 0
    let refused = 0
    let stop = false

    const update = (id: number) =>
      source.transaction(async ({ query }) => {
        const { rowCount } = await query(statementOf('insert into done values (:id) on conflict do nothing'), { id })
        if (rowCount === 1) await query(statementOf('update counter set n = n + 1'), {})
      })
    const attempt = async (id: number) => {
      try {
        await update(id)
        acknowledged.add(id)
      } catch (error) {
        const { code, details } = error as KckError
        expect(code).toBe('SOURCE_UNAVAILABLE')
        if (details['outcome'] === 'unknown') unknown++
        else refused++
        await delay(20)
      }
    }
    const client = async (first: number) => {
      for (let id = first; !stop; id += 8) while (!acknowledged.has(id)) await attempt(id)
    }
    const clients = Promise.all(Array.from({ length: 8 }, (_, first) => client(first)))
    for (let round = 0; round < 4; round++) {
      const before = acknowledged.size
      await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(before + 100)
      await server.kill()
      await server.restart()
    }
    stop = true
    await clients

    const { rows } = await run(source, 'select (select n from counter), (select count(*) from done)')
    figure('4 x kill -9 under 8 updating clients', {
      acknowledged: acknowledged.size,
      'unknown commits': unknown,
      'refused meanwhile': refused,
      'double effects': Number(rows[0]?.[0]) - Number(rows[0]?.[1]),
    })
    expect(rows).toEqual([[acknowledged.size, acknowledged.size]])
  }, 60_000)

  test('stopped: callers are released at their deadline, and served again when it goes on', async () => {
    const source = open({ poolSize: 2 })
    await run(source, 'select 1')
    server.pause()
    const aborted = await failure(() => run(source, 'select 1', { signal: AbortSignal.timeout(300) }))
    const silent = await failure(() => run(source, 'select 1', { timeoutMs: 200 }))
    const transaction = await failure(() =>
      source.transaction(async ({ query }) => query(parseStatement('select 1'), {}), {
        signal: AbortSignal.timeout(300),
      }),
    )
    server.resume()
    const recovery = await untilAnswered(source)
    figure('stopped (SIGSTOP)', {
      'released after its deadline of 300 ms by, ms': aborted.ms - 300,
      'transaction, ms': transaction.ms - 300,
      'without a signal given up after, ms': silent.ms,
      'first answer after SIGCONT, ms': recovery,
    })
    expect([aborted.error.name, transaction.error.name]).toEqual(['TimeoutError', 'TimeoutError'])
    expect(silent.error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryAfterMs: 1000 })
  })

  test('down for 3 s: refused at once, served as soon as it is back', async () => {
    const source = open()
    await run(source, 'select 1')
    await server.kill()
    const failures = []
    const back = delay(3000).then(() => server.restart())
    let up = false
    void back.then(() => {
      up = true
    })
    while (!up) {
      const attempt = await failure(() => run(source, 'select 1')).catch(() => undefined)
      if (attempt) failures.push(attempt)
      await delay(50)
    }
    const recovery = await untilAnswered(source)
    figure('down for 3 s', {
      attempts: failures.length,
      'longest failure, ms': Math.max(...failures.map(({ ms }) => ms)),
      'first answer after the start, ms': recovery,
    })
    expect(new Set(failures.map(({ error }) => error.code))).toEqual(new Set(['SOURCE_UNAVAILABLE']))
  })

  test('nobody listens at the address', async () => {
    const source = open({ connectionString: 'postgresql://postgres@127.0.0.1:1/postgres' })
    const { error, ms } = await failure(() => run(source, 'select 1'))
    figure('connection refused', { 'failure, ms': ms })
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryAfterMs: 1000 })
    expect(error.message).not.toContain('127.0.0.1')
  })

  test('a wrong password or database is told apart from the statement', async () => {
    const url = new URL(database.connectionString)
    url.pathname = '/no_such_database'
    const { error } = await failure(() => run(open({ connectionString: url.href }), 'select 1'))
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE', details: { sqlState: '3D000' } })
  })

  test('a statement over its time limit, or that nobody waits for, is gone from the server', async () => {
    const source = open()
    const late = await failure(() => run(source, 'select pg_sleep(60)', { timeoutMs: 150 }))
    const aborted = await failure(() => run(source, 'select pg_sleep(61)', { signal: AbortSignal.timeout(150) }))
    const started = performance.now()
    await expect.poll(() => countActive(database.connectionString), { interval: 5 }).toBe(0)
    figure('slow statement, limit 150 ms', {
      'ended by the database after, ms': late.ms,
      'aborted caller released after, ms': aborted.ms,
      'gone from pg_stat_activity after another, ms': performance.now() - started,
    })
    expect(late.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(aborted.error.name).toBe('TimeoutError')
  })

  test('waiting for a connection counts to the deadline, and a released one is used again', async () => {
    const source = open({ poolSize: 1 })
    const first = run(source, 'select pg_sleep(0.5)')
    const { error, ms } = await failure(() => run(source, 'select 1', { signal: AbortSignal.timeout(100) }))
    figure('waiting for a connection, deadline 100 ms', { 'released after, ms': ms })
    expect(error.name).toBe('TimeoutError')
    await first
    expect((await run(source, 'select 2')).rows).toEqual([[2]])
  })

  test('connections ended while idle are replaced', async () => {
    const source = open({ poolSize: 3 })
    const one = () => run(source, 'select pg_sleep(0.05)')
    await Promise.all([one(), one(), one()])
    await admin(
      database.connectionString,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    )
    const recovery = await untilAnswered(source)
    figure('idle connections ended by the server', { 'first answer, ms': recovery })
  })

  test('too many connections is busy, not broken', async () => {
    await admin(
      database.connectionString,
      'drop role if exists kck_narrow; create role kck_narrow login connection limit 1',
    )
    const url = new URL(database.connectionString)
    url.username = 'kck_narrow'
    const source = open({ connectionString: url.href, poolSize: 3 })
    const slow = () => run(source, 'select pg_sleep(0.3)')
    const results = await Promise.allSettled([slow(), slow(), slow()])
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as KckError] : []))
    expect(errors.map(({ code, retryAfterMs }) => [code, retryAfterMs])).toEqual([
      ['SOURCE_BUSY', 1000],
      ['SOURCE_BUSY', 1000],
    ])
  })

  test('deadlocks and serialization failures are run again', async () => {
    const source = open({ poolSize: 8 })
    await run(source, 'create table account as select id, 0 as n from generate_series(1, 2) id')
    let attempts = 0
    const bothHoldARow = meetingOf(2)
    const move = async (from: number, to: number) =>
      source.transaction(async (transaction) => {
        attempts++
        await increment(transaction, from)
        // The others wait for these two, which deadlock at the second row.
        await bothHoldARow()
        await increment(transaction, to)
      })
    await Promise.all([move(1, 2), move(2, 1), move(1, 2), move(2, 1)])
    const deadlockAttempts = attempts
    attempts = 0
    const allHaveRead = meetingOf(3)
    const serializable = async () =>
      source.transaction(async ({ query }) => {
        attempts++
        await query(statementOf('set transaction isolation level serializable'), {})
        const { rows } = await query(statementOf('select sum(n) from account'), {})
        await allHaveRead()
        await query(statementOf('update account set n = :n where id = 1'), { n: Number(rows[0]?.[0]) + 1 })
      })
    await Promise.all([serializable(), serializable(), serializable()])
    figure('transactions that lose', {
      'deadlock: attempts for 4': deadlockAttempts,
      'serializable: attempts for 3': attempts,
    })
    expect((await run(source, 'select n from account where id = 2')).rows).toEqual([[4]])
    expect(deadlockAttempts).toBeGreaterThan(4)
    expect(attempts).toBeGreaterThan(3)
  })

  test('a prepared statement survives a change of the schema', async () => {
    const source = open({ poolSize: 2 })
    await run(source, 'create table t as select 1 as a')
    const all = () => run(source, 'select * from t')
    await Promise.all([all(), all(), all()])
    await run(source, 'alter table t add b text')
    expect((await all()).rows).toEqual([[1, null]])
    await run(source, 'alter table t add c int')
    const inTransaction = source.transaction(({ query }) => query(parseStatement('select * from t'), {}))
    expect((await inTransaction).rows).toEqual([[1, null, null]])
  })

  test('a read-only source writes nothing', async () => {
    const source = open({ readOnly: true })
    const { error } = await failure(() => run(source, 'create table t (a int)'))
    expect(error).toMatchObject({ code: 'COMPUTE_FAILED', details: { sqlState: '25006' } })
  })
})

function run(source: Source, sql: string, options = {}) {
  return source.query(statementOf(sql), {}, options)
}

async function increment({ query }: SourceTransaction, id: number): Promise<void> {
  await query(statementOf('update account set n = n + 1 where id = :id'), { id })
}

async function failure(call: () => Promise<unknown>): Promise<{ error: KckError; ms: number }> {
  const started = performance.now()
  try {
    await call()
  } catch (error) {
    return { error: error as KckError, ms: performance.now() - started }
  }
  throw new Error('Expected an error')
}

/** Milliseconds until the source answers again. */
async function untilAnswered(source: Source): Promise<number> {
  const started = performance.now()
  await expect
    .poll(
      () =>
        source.ping().then(
          () => true,
          () => false,
        ),
      { interval: 5, timeout: 20_000 },
    )
    .toBe(true)
  return performance.now() - started
}

async function admin(connectionString: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

async function countActive(connectionString: string): Promise<number> {
  const { rows } = await admin(
    connectionString,
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`,
  )
  return rows[0].count
}

function figure(title: string, values: Record<string, number>): void {
  const list = Object.entries(values).map(([name, value]) => `${name} ${Math.round(value)}`)
  process.stdout.write(`${title}: ${list.join('; ')}\n`)
}

/** Holds everybody up until `count` have come; those who come later are not held up. */
function meetingOf(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let missing = count
  return () => {
    missing -= 1
    if (missing === 0) resolve()
    return promise
  }
}

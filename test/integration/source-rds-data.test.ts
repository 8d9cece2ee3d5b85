import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createRdsDataSource } from '../../src/adapters/rds-data/source.ts'
import type { Source } from '../../src/ports/source.ts'
import { statementOf } from '../../src/sql/parse.ts'
import { type DataApi, startDataApi } from '../support/data-api/server.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { createDataApiClient } from '../support/sources.ts'

const RESOURCE = 'arn:aws:rds:eu-west-1:123456789012:cluster:test'
const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:test'

describe('the Data API in trouble', () => {
  let database: TestDatabase
  let api: DataApi
  let source: Source
  const { connectionString } = inject('postgres')

  const open = (secretArn = SECRET) =>
    createRdsDataSource({
      name: 'main',
      resourceArn: RESOURCE,
      secretArn,
      database: new URL(database.connectionString).pathname.slice(1),
      client: createDataApiClient(api.endpoint),
    })

  beforeAll(async () => {
    database = await createDatabase(connectionString, 'rds')
    api = await startDataApi({
      connectionString: database.connectionString,
      resourceArn: RESOURCE,
      secretArn: SECRET,
      statementTimeoutMs: 400,
      transactionIdleMs: 200,
    })
    source = open()
  })
  afterAll(async () => {
    await source.close()
    await api.stop()
    await database.drop()
  })

  const run = (sql: string, values = {}, options = {}) => source.query(statementOf(sql), values, options)

  test('a paused database is asked again until it has resumed', async () => {
    api.fail('DatabaseResumingException', { calls: 2 })
    const started = performance.now()
    expect((await run('select 1')).rows).toEqual([[1]])
    process.stdout.write(`resumed after 2 refusals: ${Math.round(performance.now() - started)} ms\n`)
  })

  test('while it is paused it says so to those who cannot wait', async () => {
    expect(source.hindrance?.()).toBeNull()
    api.fail('DatabaseResumingException', { calls: 1 })
    const answered = run('select 3')
    await expect
      .poll(() => source.hindrance?.(), { interval: 5 })
      .toMatchObject({ code: 'SOURCE_UNAVAILABLE', retryAfterMs: 5000 })
    await answered
    expect(source.hindrance?.()).toBeNull()
  })

  test('every other failure has its own code', async () => {
    const codes = []
    for (const type of [
      'ServiceUnavailableError',
      'InternalServerErrorException',
      'DatabaseUnavailableException',
      'ForbiddenException',
      'ThrottlingException',
      'StatementTimeoutException',
    ] as const) {
      api.fail(type, { calls: 1 })
      codes.push(await source.ping().catch((error) => error.code))
    }
    expect(codes).toEqual([
      'SOURCE_UNAVAILABLE',
      'SOURCE_UNAVAILABLE',
      'SOURCE_UNAVAILABLE',
      'SOURCE_UNAVAILABLE',
      'SOURCE_BUSY',
      'DEADLINE_EXCEEDED',
    ])
    await expect(open('arn:other').ping()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  })

  test('a paused database that does not resume in time is unavailable, and says when to ask again', async () => {
    api.fail('DatabaseResumingException', { forMs: 60_000 })
    try {
      await expect(run('select 2', {}, { timeoutMs: 2_500 })).rejects.toMatchObject({
        code: 'SOURCE_UNAVAILABLE',
        retryAfterMs: 5000,
      })
      // What is given up may still be on its way: no test that counts refusals may come after this one.
      const signal = AbortSignal.timeout(100)
      await expect(run('select 2', {}, { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
    } finally {
      api.fail('DatabaseResumingException', { calls: 0 })
    }
  })

  test('a statement is sent once, also when its answer is lost', async () => {
    await run('create table once (n int)')
    await run('insert into once values (1)')
    api.fail('InternalServerErrorException', { calls: 1 })
    await expect(run('insert into once values (1)')).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
    expect((await run('select count(*) from once')).rows).toEqual([[1]])
  })

  test('a result over 1 MiB says to page', async () => {
    const error = await run(`select repeat('x', 60000) from generate_series(1, 20)`).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'COMPUTE_FAILED', details: { limitBytes: 1_048_576 } })
    expect(error.message).toContain('pages')
  })

  test('the database ends a slow statement', async () => {
    await expect(run('select pg_sleep(5)')).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  test('a transaction that was idle for too long is gone', async () => {
    const table = source.transaction(async ({ query }) => {
      await query(statementOf('create table idle (n int)'), {})
      await expect
        .poll(() => query(statementOf('select 1'), {}).catch((error) => error.message), { interval: 300 })
        .toContain('idle')
    })
    await expect(table).rejects.toMatchObject({ code: 'COMPUTE_FAILED' })
    await expect(run('select * from idle')).rejects.toMatchObject({ details: { sqlState: '42P01' } })
  })

  test('looks at a statement once, and runs it once each time', async () => {
    await run('create sequence counter')
    const before = api.calls.get('Execute') ?? 0
    const values = []
    for (let time = 0; time < 3; time++) values.push((await run(`select nextval('counter') as n`)).rows[0]?.[0])
    expect({ values, calls: (api.calls.get('Execute') ?? 0) - before }).toEqual({ values: [1, 2, 3], calls: 4 })
  })

  test('an int8 that the client would round is refused where it cannot be asked for as text', async () => {
    await run('create table big (n int8)')
    const insert = () => run('insert into big values (9007199254740993) returning n')
    await expect(insert()).rejects.toMatchObject({ code: 'COMPUTE_FAILED' })
    expect((await run('insert into big values (9007199254740993) returning n::text')).rows).toEqual([
      ['9007199254740993'],
    ])
  })
})

import fc from 'fast-check'
import { afterAll, expect } from 'vitest'
import type { JsonValue } from '../../src/entry/json.ts'
import type { Source } from '../../src/ports/source.ts'
import { parseStatement } from '../../src/sql/parse.ts'
import { BINDING_TABLE, TYPE_TABLE } from './source-types.ts'
import { type SuiteOptions, suite, unique } from './suite.ts'

export interface SourceHarness {
  readonly source: Source
  /** A query that runs for at least half a second, and not much longer when nobody can stop it. */
  readonly slow: string
  /** How many statements with this text in them the database is running, asked past the source. */
  running?(text: string): Promise<number>
  close(): Promise<void>
}

export type SourceFactory = () => Promise<SourceHarness>

/** One harness for all tests of a file, for sources that take long to open. */
export function shareSource(open: SourceFactory): SourceFactory {
  let opened: Promise<SourceHarness> | undefined
  afterAll(async () => (await opened)?.close())
  return async () => {
    opened ??= open()
    return { ...(await opened), close: async () => {} }
  }
}

/** What every source does, whatever is behind it. */
export function sourceConformance(name: string, factory: SourceFactory, options: SuiteOptions = {}): void {
  suite({ name: `${name} source`, factory, options }, (check) => {
    check('reads every type in its one JSON form', async ({ source }) => {
      const list = TYPE_TABLE.map(([sql]) => sql).join(',\n')
      const { columns, rows } = await source.query(parseStatement(`select ${list}`), {})
      expect(TYPE_TABLE.map(([sql], at) => [sql, columns[at]?.type, rows[0]?.[at]])).toEqual(TYPE_TABLE)
    })

    check('reads a column of a type made by a user as text, also in a list', async ({ source }) => {
      const mood = identifier('mood')
      await run(source, `create type ${mood} as enum ('sad', 'very happy')`)
      const { columns, rows } = await run(
        source,
        `select 'very happy'::${mood} as one, array['sad', null]::${mood}[] as many`,
      )
      expect(columns).toEqual([
        { name: 'one', type: mood },
        { name: 'many', type: `_${mood}` },
      ])
      expect(rows).toEqual([['very happy', ['sad', null]]])
    })

    check('reads what a write returns', async ({ source }) => {
      const table = await createTable(source, 'id int, big int8, price numeric, at timestamptz, body jsonb, ok bool')
      const { columns, rows, rowCount } = await run(
        source,
        `insert into ${table} values (1, 5, 1.50, '2026-11-20T00:00:00.120Z', '{"a": 1}', true) returning *`,
      )
      expect(columns.map(({ type }) => type)).toEqual(['int4', 'int8', 'numeric', 'timestamptz', 'jsonb', 'bool'])
      expect({ rows, rowCount }).toEqual({
        rows: [[1, 5, '1.50', '2026-11-20T00:00:00.12Z', { a: 1 }, true]],
        rowCount: 1,
      })
    })

    check('keeps the order of rows and columns, and columns of the same name', async ({ source }) => {
      const { columns, rows, rowCount } = await run(
        source,
        'select n as a, -n as b, n * 2 as a from generate_series(1, 1000) n order by n desc -- last first',
      )
      expect(columns.map((column) => column.name)).toEqual(['a', 'b', 'a'])
      expect(rowCount).toBe(1000)
      expect(rows).toEqual(Array.from({ length: 1000 }, (_, at) => [1000 - at, at - 1000, 2000 - 2 * at]))
    })

    check('gives columns without rows', async ({ source }) => {
      const result = await run(source, 'select 1 as one, now() as at where false')
      expect(result).toEqual({
        columns: [
          { name: 'one', type: 'int4' },
          { name: 'at', type: 'timestamptz' },
        ],
        rows: [],
        rowCount: 0,
      })
    })

    check('counts the rows that a write has touched', async ({ source }) => {
      const table = await createTable(source, 'id int primary key, n int')
      const counts = []
      for (const sql of [
        `insert into ${table} select n, n from generate_series(1, 7) n`,
        `update ${table} set n = n + 1 where id < 4`,
        `delete from ${table} where id > 5 returning id`,
        `delete from ${table} where id > 99`,
      ]) {
        counts.push((await run(source, sql)).rowCount)
      }
      expect(counts).toEqual([7, 3, 2, 0])
    })

    for (const [index, [sql, bound, value]] of BINDING_TABLE.entries()) {
      check(`binds value ${index}: ${sql}`, async ({ source }) => {
        expect((await run(source, `select ${sql}`, { v: bound })).rows).toEqual([[value]])
      })
    }

    check('binds what a write stores, by the types of its columns', async ({ source }) => {
      const mood = identifier('mood')
      await run(source, `create type ${mood} as enum ('sad', 'happy')`)
      const table = await createTable(source, `id uuid, at timestamptz, mood ${mood}, tags text[], body jsonb, n int2`)
      const values = {
        id: '2f1d0c4a-0c6d-4d39-9f0e-5b1f5d3f3c11',
        at: '2026-11-20T17:48:48.489123Z',
        mood: 'happy',
        tags: ['a', 'b"'],
        body: { a: [1] },
        n: 7,
      }
      await run(source, `insert into ${table} values (:id, :at, :mood, :tags, :body, :n)`, values)
      const { rows } = await run(source, `select * from ${table} where mood = :mood and at <= :at`, values)
      expect(rows).toEqual([Object.values(values)])
    })

    check('binds a name wherever it stands and leaves its look-alikes alone', async ({ source }) => {
      const { rows } = await run(
        source,
        `select :v::int + :v::int, ':v', (array[1,2,3])[1:2], E'\\':v', $$:v$$ -- :v`,
        {
          v: 4,
        },
      )
      expect(rows).toEqual([[8, ':v', [1, 2], "':v", ':v']])
    })

    check('takes values of other kinds in the same statement', async ({ source }) => {
      const answers = []
      for (const v of [null, 'x', 7, true]) answers.push((await run(source, 'select :v::text', { v })).rows[0]?.[0])
      expect(answers).toEqual([null, 'x', '7', 'true'])
    })

    check('returns every text as it was bound', async ({ source }) => {
      const codePoint = fc.integer({ min: 1, max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff)
      const text = fc.array(codePoint, { maxLength: 60 }).map((codes) => String.fromCodePoint(...codes))
      await fc.assert(
        fc.asyncProperty(text, fc.array(text, { maxLength: 4 }), async (one, many) => {
          const { rows } = await run(source, 'select :one::text, :many::text[]', { one, many })
          expect(rows).toEqual([[one, many]])
        }),
        { numRuns: 40 },
      )
    })

    check('returns every JSON value as it was bound', async ({ source }) => {
      // By way of text, because -0 has none of its own.
      const value = fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json)) as JsonValue)
      await fc.assert(
        fc.asyncProperty(value, async (body) => {
          expect((await run(source, 'select :v::json', { v: { body } })).rows).toEqual([[{ body }]])
        }),
        { numRuns: 40 },
      )
    })

    check('says what the statement did wrong, without its text', async ({ source }) => {
      const error = await failure(run(source, 'select secret_column from no_such_table_42'))
      expect(error).toMatchObject({ code: 'COMPUTE_FAILED', details: { sqlState: '42P01' } })
      expect(`${error.message} ${JSON.stringify(error.details)}`).not.toMatch(/secret|no_such|select/)
      expect(error.cause).toBeInstanceOf(Error)
    })

    check('reports a broken constraint and a text that PostgreSQL cannot hold', async ({ source }) => {
      const table = await createTable(source, 'id int primary key')
      await run(source, `insert into ${table} values (1)`)
      const twice = await failure(run(source, `insert into ${table} values (:id)`, { id: 1 }))
      const nul = await failure(run(source, 'select :v::text', { v: 'a\0b' }))
      const zero = await failure(run(source, 'select 1 / :v::int', { v: 0 }))
      expect([twice, nul, zero].map(({ code, details }) => [code, details['sqlState']])).toEqual([
        ['COMPUTE_FAILED', '23505'],
        ['COMPUTE_FAILED', '22021'],
        ['COMPUTE_FAILED', '22012'],
      ])
    })

    check('commits a transaction and gives what its work returns', async ({ source }) => {
      const table = await createTable(source, 'id int')
      const seen = await source.transaction(async (transaction) => {
        await transaction.query(parseStatement(`insert into ${table} values (:id)`), { id: 1 })
        return (await transaction.query(parseStatement(`select count(*) from ${table}`), {})).rows
      })
      expect(seen).toEqual([[1]])
      expect(await count(source, table)).toBe(1)
    })

    check('rolls a transaction back and throws what its work threw', async ({ source }) => {
      const table = await createTable(source, 'id int')
      const reason = new Error('changed my mind')
      const transaction = source.transaction(async ({ query }) => {
        await query(parseStatement(`insert into ${table} values (1)`), {})
        throw reason
      })
      await expect(transaction).rejects.toBe(reason)
      expect(await count(source, table)).toBe(0)
    })

    check('does not commit what follows a failed statement', async ({ source }) => {
      const table = await createTable(source, 'id int primary key')
      const error = await failure(
        source.transaction(async ({ query }) => {
          const insert = parseStatement(`insert into ${table} values (:id)`)
          await query(insert, { id: 1 })
          await query(insert, { id: 1 }).catch(() => {})
        }),
      )
      expect(error).toMatchObject({ code: 'COMPUTE_FAILED', details: { sqlState: '23505' } })
      expect(await count(source, table)).toBe(0)
    })

    check('answers 20 queries at once, each with its own result', async ({ source }) => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, v) => run(source, 'select :v::int, pg_backend_pid() > 0', { v })),
      )
      expect(answers.map(({ rows }) => rows[0]?.[0])).toEqual(Array.from({ length: 20 }, (_, at) => at))
    })

    check('loses no update of 20 transactions at once', async ({ source }) => {
      const table = await createTable(source, 'n int')
      await run(source, `insert into ${table} values (0)`)
      const increment = async () =>
        source.transaction(async ({ query }) => {
          const { rows } = await query(parseStatement(`select n from ${table} for update`), {})
          await query(parseStatement(`update ${table} set n = :n`), { n: Number(rows[0]?.[0]) + 1 })
        })
      await Promise.all(Array.from({ length: 20 }, increment))
      expect((await run(source, `select n from ${table}`)).rows).toEqual([[20]])
    })

    check('does not start for a signal that is aborted already', async ({ source }) => {
      const table = await createTable(source, 'id int')
      const reason = new Error('too late')
      const signal = AbortSignal.abort(reason)
      const insert = parseStatement(`insert into ${table} values (1)`)
      await expect(source.query(insert, {}, { signal })).rejects.toBe(reason)
      await expect(source.transaction(({ query }) => query(insert, {}), { signal })).rejects.toBe(reason)
      expect(await count(source, table)).toBe(0)
    })

    check('releases an aborted caller with its reason and goes on serving', async ({ source, slow }) => {
      const abort = new AbortController()
      const reason = new Error('nobody waits')
      const query = source.query(parseStatement(slow), {}, { signal: abort.signal })
      abort.abort(reason)
      await expect(query).rejects.toBe(reason)
      expect((await run(source, 'select 1')).rows).toEqual([[1]])
    })

    check('rolls back a transaction that is aborted', async ({ source, slow }) => {
      const table = await createTable(source, 'id int')
      const abort = new AbortController()
      const reason = new Error('nobody waits')
      const transaction = source.transaction(
        async ({ query }) => {
          await query(parseStatement(`insert into ${table} values (1)`), {})
          setImmediate(() => abort.abort(reason))
          await query(parseStatement(slow), {})
        },
        { signal: abort.signal },
      )
      await expect(transaction).rejects.toBe(reason)
      expect(await count(source, table)).toBe(0)
    })

    check('cancels an aborted statement on the server', async ({ source, running }) => {
      const marker = identifier('cancelled')
      const abort = new AbortController()
      const query = source.query(parseStatement(`select pg_sleep(30) as ${marker}`), {}, { signal: abort.signal })
      query.catch(() => {})
      await expect.poll(() => running?.(marker)).toBe(1)
      abort.abort(new Error('nobody waits'))
      await expect.poll(() => running?.(marker)).toBe(0)
    })

    check('ends a statement at its timeout and goes on serving', async ({ source, slow }) => {
      const error = await failure(source.query(parseStatement(slow), {}, { timeoutMs: 100 }))
      expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
      expect((await run(source, 'select 1')).rows).toEqual([[1]])
    })

    check('ends a transaction at the timeout of a statement', async ({ source, slow }) => {
      const table = await createTable(source, 'id int')
      const error = await failure(
        source.transaction(
          async ({ query }) => {
            await query(parseStatement(`insert into ${table} values (1)`), {})
            await query(parseStatement(slow), {})
          },
          { timeoutMs: 400 },
        ),
      )
      expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
      expect(await count(source, table)).toBe(0)
    })

    check('describes a query without running it', async ({ source }) => {
      const table = await createTable(source, 'id int, tags text[]')
      const describe = (sql: string) => source.describe(parseStatement(sql))
      expect(await describe(`select tags, id + :n::int as next, now() as at from ${table} order by id`)).toEqual([
        { name: 'tags', type: '_text' },
        { name: 'next', type: 'int4' },
        { name: 'at', type: 'timestamptz' },
      ])
      expect(await describe(`insert into ${table} (id) values (1)`)).toEqual([])
      expect(await failure(describe('select 1 from no_such_table_42'))).toMatchObject({
        code: 'COMPUTE_FAILED',
        details: { sqlState: '42P01' },
      })
      expect(await count(source, table)).toBe(0)
    })

    check('describes what a write returns without running it', async ({ source }) => {
      const table = await createTable(source, 'id int, tags text[]')
      const statement = parseStatement(`insert into ${table} (id) values (:id) returning tags, id as key`)
      expect(await source.describe(statement)).toEqual([
        { name: 'tags', type: '_text' },
        { name: 'key', type: 'int4' },
      ])
      expect(await count(source, table)).toBe(0)
    })

    check('answers a ping', async ({ source }) => {
      await expect(source.ping()).resolves.toBeUndefined()
    })
  })
}

function run(source: Source, sql: string, values = {}) {
  return source.query(parseStatement(sql), values)
}

async function createTable(source: Source, columns: string): Promise<string> {
  const table = identifier('t')
  await run(source, `create table ${table} (${columns})`)
  return table
}

async function count(source: Source, table: string): Promise<unknown> {
  return (await run(source, `select count(*) from ${table}`)).rows[0]?.[0]
}

/** What was thrown, for looking at it. */
async function failure(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; details: Record<string, unknown> }> {
  try {
    await promise
  } catch (error) {
    return error as Error & { code?: string; details: Record<string, unknown> }
  }
  throw new Error('Expected an error')
}

const identifier = (prefix: string): string => unique(prefix).replaceAll('-', '_')

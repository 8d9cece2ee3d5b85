import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createPostgresSource } from '../../src/adapters/postgres/source.ts'
import { main } from '../../src/cli/main.ts'
import type { Source } from '../../src/ports/source.ts'
import { statementOf } from '../../src/sql/parse.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

let folder: string
let database: TestDatabase
let source: Source

beforeAll(async () => {
  database = await createDatabase(inject('postgres').connectionString, 'cli')
  const { connectionString } = database
  source = createPostgresSource({ name: 'shop', connectionString })
  await sql('create table orders (id int primary key, customer int not null, note text)')
  await sql('create table other (id int primary key)')
  folder = await mkdtemp(join(tmpdir(), 'kck-watch-'))
  await mkdir(join(folder, 'primers'))
  const config = { sources: { shop: { kind: 'postgres', connectionString } } }
  await writeFile(join(folder, 'kck.config.mjs'), `export default ${JSON.stringify(config)}`)
  const product =
    '-- kck: parameters: { customer: int }, result: value\nselect count(*)::int from orders where customer = :customer'
  await writeFile(join(folder, 'primers/count.sql'), product)
})
afterAll(async () => {
  await source?.close()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

const sql = (text: string) => source.transaction((transaction) => transaction.query(statementOf(text), {}))

async function kck(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    stdin: async () => '',
    folder,
    environment: {},
  }
  const code = await main(args, io)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

describe('kck watch', () => {
  test('watches by keys and by what products pick rows by', async () => {
    const { code, out } = await kck('watch', 'orders', 'other')
    expect([code, out]).toEqual([0, expect.stringContaining('Watching public.orders by customer, id')])
  })

  test('says what is watched and what waits', async () => {
    await sql("insert into orders values (1, 42, '')")
    const { code, out } = await kck('watch', '--status', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      source: 'shop',
      drained: true,
      waiting: 1,
      tables: [{ enabled: true }, {}],
    })
    await sql('alter table other disable trigger user')
    const incomplete = await kck('watch', '--status')
    expect([incomplete.code, incomplete.out]).toEqual([1, expect.stringContaining('public.other  NOT COMPLETE')])
  })

  test('drains what waits, and leaves nothing, when the last table goes', async () => {
    await kck('fetch', 'count/42')
    await sql("insert into orders values (2, 42, '')")
    expect((await kck('watch', '--remove', 'orders')).out).toBe('Not watching public.orders any more')
    expect((await kck('fetch', 'count/42')).err).toContain('count/42: stale')
    const last = await kck('watch', '--remove', 'other')
    expect([last.code, last.out]).toEqual([0, expect.stringContaining('nothing of KCK is left')])
    expect((await kck('watch', '--status')).out).toBe('Nothing is watched in shop.')
    const { rows } = await source.query(
      statementOf("select count(*)::int from pg_namespace where nspname = 'kck_watch'"),
      {},
    )
    expect(rows).toEqual([[0]])
  })

  test.each([
    ['no table', ['watch'], 'Name the tables'],
    ['a table that is not there', ['watch', 'nothing'], 'There is no table nothing'],
    ['a source that is not there', ['watch', 'orders', '--source', 'other'], 'Say which with --source: shop'],
    ['a column that is not there', ['watch', 'orders', '--column', 'public.orders.x'], 'There is no column'],
  ])('%s is refused', async (_, args, message) => {
    const { code, err } = await kck(...args)
    expect([code, err]).toEqual([1, expect.stringContaining(message)])
  })
})

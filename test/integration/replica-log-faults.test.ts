import type { ClientOptions } from 'cassandra-driver'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { PostgresUpdateLog } from '../../src/adapters/postgres/update-log.ts'
import type { UpdateLog } from '../../src/ports/update-log.ts'
import { unique } from '../conformance/suite.ts'
import { ChaosClient, doubts, type Mishap } from '../support/cassandra/chaos-client.ts'
import { createLogKeyspace, type LogKeyspace } from '../support/cassandra/log-keyspace.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

const update = (contents: string, key: string | null = null) => ({
  contents: Buffer.from(contents),
  key: key === null ? null : Buffer.from(key),
  operation: unique('operation'),
})

async function contentsOf(log: UpdateLog): Promise<[number, string][]> {
  const { updates } = await log.read(0, { bytes: 1_000_000 })
  return updates.map(({ id, contents }) => [id, Buffer.from(contents).toString()])
}

const address = inject('cassandra')

describe.skipIf(address === null)('an append to Cassandra that went wrong', () => {
  let keyspace: LogKeyspace
  beforeAll(async () => {
    if (address) keyspace = await createLogKeyspace(address)
  })
  afterAll(() => keyspace.drop())

  /** A log whose next statement of that beginning has that mishap. */
  async function logWith(mishap: Mishap, dataset = unique('dataset'), of = /^UPDATE .*replica_log/) {
    let waiting = false
    const log = keyspace.open(dataset, {
      createClient: (driver: ClientOptions) =>
        new ChaosClient(driver).fated((cql) => {
          if (!waiting || !of.test(cql)) return undefined
          waiting = false
          return mishap
        }),
    })
    await log.createSchema()
    const other = keyspace.open(dataset)
    return {
      log,
      other,
      goWrong: () => {
        waiting = true
      },
      close: () => Promise.all([log.close(), other.close()]),
    }
  }

  test.each(Object.entries(doubts))('%s: it is there exactly once, with its id', async (_, error) => {
    for (const executed of [true, false]) {
      const { log, other, goWrong, close } = await logWith({ executed, error: error() })
      await log.append(update('first', 'key'))
      goWrong()
      expect(await log.append(update('second', 'key'))).toBe(2)
      expect(await other.append(update('third', 'key'))).toBe(3)
      expect(await contentsOf(other)).toEqual([[3, 'third']])
      await close()
    }
  })

  test.each([true, false])('while another one writes; executed: %s', async (executed) => {
    const dataset = unique('dataset')
    const second = keyspace.open(dataset)
    const error = (doubts['no answer'] as () => Error)()
    const meanwhile = async () => {
      for (let each = 0; each < 3; each++) await second.append(update(`meanwhile ${each}`))
    }
    const { log, other, goWrong, close } = await logWith({ executed, error, meanwhile }, dataset)
    await log.append(update('first'))
    goWrong()
    expect(await log.append(update('second'))).toBe(executed ? 2 : 5)
    const others = ['meanwhile 0', 'meanwhile 1', 'meanwhile 2']
    const order = executed ? ['first', 'second', ...others] : ['first', ...others, 'second']
    expect(await contentsOf(other)).toEqual(order.map((contents, index) => [index + 1, contents]))
    await Promise.all([close(), second.close()])
  })

  test('a writer that dies behind its append: whoever comes next puts its update in its place', async () => {
    const error = new TypeError('killed')
    const { log, other, goWrong, close } = await logWith(
      { executed: false, error },
      unique('dataset'),
      /replica_update/,
    )
    goWrong()
    expect(await log.append(update('first', 'key'))).toBe(1)
    expect(await contentsOf(other)).toEqual([[1, 'first']])
    expect(await other.append(update('second'))).toBe(2)
    expect(await contentsOf(other)).toEqual([
      [1, 'first'],
      [2, 'second'],
    ])
    await close()
  })
})

describe('an append to PostgreSQL', () => {
  let database: TestDatabase
  const admin = { client: null as pg.Client | null }
  beforeAll(async () => {
    database = await createDatabase(inject('postgres').connectionString, 'faults')
    admin.client = new pg.Client({ connectionString: database.connectionString })
    await admin.client.connect()
  })
  afterAll(async () => {
    await admin.client?.end()
    await database.drop()
  })

  test('that was executed and never answered is there exactly once, with its id', async () => {
    const { hostname, port } = new URL(database.connectionString)
    const proxy = await startFaultProxy({ host: hostname, port: Number(port) })
    const url = new URL(database.connectionString)
    url.port = String(proxy.port)
    const log = new PostgresUpdateLog({ dataset: 'faults', connectionString: url.href })
    await log.createSchema()
    await log.append(update('first', 'key'))
    proxy.set({ blackHole: 'down' })
    const appending = log.append(update('second', 'key'))
    const isThere = async () => {
      const found = await admin.client?.query("select head from kck_replica_log where dataset = 'faults'")
      return found?.rows[0].head === '2'
    }
    while (!(await isThere()));
    proxy.set({})
    proxy.reset()
    expect(await appending).toBe(2)
    await expect(contentsOf(log)).resolves.toEqual([[2, 'second']])
    await log.close()
    await proxy.close()
  })

  test('to a database that is gone says that it is not known whether it was written', async () => {
    const { hostname, port } = new URL(database.connectionString)
    const proxy = await startFaultProxy({ host: hostname, port: Number(port) })
    const url = new URL(database.connectionString)
    url.port = String(proxy.port)
    const log = new PostgresUpdateLog({ dataset: 'gone', connectionString: url.href, connectTimeoutMs: 500 })
    await log.createSchema()
    proxy.set({ blackHole: 'up' })
    const appending = log.append(update('lost'))
    const refused = expect(appending).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      details: { outcome: 'unknown' },
    })
    await proxy.refuse()
    await refused
    await expect(log.append(update('not sent'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', details: {} })
    await proxy.listen()
    proxy.set({})
    expect(await log.append(update('on'))).toBe(1)
    await log.close()
    await proxy.close()
  })
})

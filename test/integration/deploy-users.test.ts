import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Database, prepareDatabase } from '../../functions/database-users.ts'
import { readLogin } from '../../functions/secret.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { type Secrets, startSecrets } from '../support/cloud/secrets.ts'
import { type DataApi, startDataApi } from '../support/data-api/server.ts'
import { type OwnPostgresServer, startOwnPostgres } from '../support/postgres.ts'
import { createDataApiClient } from '../support/sources.ts'

const secretOf = (user: string) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:kck/database/${user}`
const database: Database = {
  clusterArn: 'arn:aws:rds:eu-west-1:123456789012:cluster:kck',
  database: 'shop',
  adminSecretArn: secretOf('admin'),
  readerSecretArn: secretOf('reader'),
  writerSecretArn: secretOf('writer'),
}

let server: OwnPostgresServer
let api: DataApi
let secrets: Secrets

// Users belong to a whole server, so it is one of its own.
beforeAll(async () => {
  server = await startOwnPostgres()
  secrets = await startSecrets()
  api = await startDataApi({ connectionString: urlOf('postgres') })
})
afterAll(async () => {
  await api?.stop()
  await secrets?.stop()
  await server?.stop()
})

function urlOf(name: string): string {
  const url = new URL(server.connectionString)
  url.pathname = `/${name}`
  return url.href
}

const environment = () => ({
  AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
})
const login = (secretArn: string) => readLogin(secretArn, { clock: systemClock, environment: environment() })
const prepare = () =>
  prepareDatabase(database, { login, client: createDataApiClient(api.endpoint) }, new AbortController().signal)

async function as<T>(user: string | null, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { hostname: host, port } = new URL(server.connectionString)
  const settings =
    user === null
      ? { connectionString: urlOf('shop') }
      : { host, port: Number(port), database: 'shop', user: `kck_${user}`, password: `it's "${user}"` }
  const client = new pg.Client(settings)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test('the database of a source and its two users are made, with the rights and passwords that they are to have', async () => {
  expect(inject('postgres').connectionString).not.toBe(server.connectionString)
  await prepare()
  await as(null, (admin) => admin.query('create table orders (id serial primary key, amount int)'))
  await as('writer', (writer) => writer.query('insert into orders (amount) values (7)'))
  // Cached writes are noted by who may not create a table.
  await as('writer', (writer) => writer.query("insert into kck_applied (id, shard) values ('a', 0)"))
  const { rows } = await as('reader', (reader) => reader.query('select id, amount from orders'))
  expect(rows).toEqual([{ id: 1, amount: 7 }])
  await expect(as('reader', (reader) => reader.query('update orders set amount = 0'))).rejects.toThrow(
    'permission denied',
  )
  await expect(as('writer', (writer) => writer.query('drop table orders'))).rejects.toThrow('must be owner')
})

test('doing it again changes nothing, and brings back a user that was lost', async () => {
  await prepare()
  await as(null, (admin) => admin.query('revoke pg_read_all_data from kck_reader; drop role kck_reader'))
  await prepare()
  const { rows } = await as('reader', (reader) => reader.query('select amount from orders'))
  expect(rows).toEqual([{ amount: 7 }])
})

test('a database that was paused is waited for', async () => {
  api.fail('DatabaseResumingException', { calls: 1 })
  await prepare()
})

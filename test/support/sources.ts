import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import pg from 'pg'
import { createPgliteClientSource, createPgliteSource, servePglite } from '../../src/adapters/pglite/source.ts'
import { createPostgresSource } from '../../src/adapters/postgres/source.ts'
import { createRdsDataSource } from '../../src/adapters/rds-data/source.ts'
import type { SourceHarness } from '../conformance/source.ts'
import { startDataApi } from './data-api/server.ts'
import { createDatabase } from './postgres.ts'

/** A source on an empty database of its own. */
export async function openPostgresSource(server: string): Promise<SourceHarness> {
  const database = await createDatabase(server, 'source')
  const { connectionString } = database
  const source = createPostgresSource({ name: 'main', connectionString, connectTimeoutMs: 10_000 })
  return {
    source,
    slow: 'select pg_sleep(20)',
    running: (text) => countRunning(connectionString, text),
    close: async () => {
      await source.close()
      await database.drop()
    },
  }
}

export async function openPgliteSource(): Promise<SourceHarness> {
  const source = createPgliteSource({ name: 'main', dataDir: 'memory' })
  return { source, slow: 'select count(*) from generate_series(1, 4000000)', close: () => source.close() }
}

/** Through the socket, as a second process has it. */
export async function openPgliteClientSource(): Promise<SourceHarness> {
  const folder = mkdtempSync(join(tmpdir(), 'kck-socket-'))
  const socketPath = join(folder, 'socket')
  const { source: served, slow, close } = await openPgliteSource()
  const server = await servePglite(served, { socketPath })
  const source = createPgliteClientSource({ name: 'main', socketPath })
  return {
    source,
    slow,
    close: async () => {
      await source.close()
      await server.close()
      await close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** The official SDK against the emulated Data API, in front of a database of its own. */
export async function openRdsDataSource(server: string): Promise<SourceHarness> {
  const { connectionString, drop } = await createDatabase(server, 'data_api')
  const api = await startDataApi({ connectionString })
  const client = createDataApiClient(api.endpoint)
  const source = createRdsDataSource({
    name: 'main',
    resourceArn: 'arn:aws:rds:eu-west-1:123456789012:cluster:test',
    secretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:test',
    database: new URL(connectionString).pathname.slice(1),
    client,
  })
  return {
    source,
    slow: 'select pg_sleep(1)',
    close: async () => {
      await source.close()
      client.destroy()
      await api.stop()
      await drop()
    },
  }
}

export function createDataApiClient(endpoint: string): RDSDataClient {
  return new RDSDataClient({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  })
}

async function countRunning(connectionString: string, text: string): Promise<number> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select count(*)::int as count from pg_stat_activity
       where state = 'active' and pid <> pg_backend_pid() and position($1 in query) > 0`,
      [text],
    )
    return rows[0].count
  } finally {
    await client.end()
  }
}

import pg from 'pg'
import { afterAll, inject } from 'vitest'
import { PostgresUpdateLog } from '../../src/adapters/postgres/update-log.ts'
import { createDatabase } from '../support/postgres.ts'
import { unique } from './suite.ts'
import { updateLogConformance } from './update-log.ts'

const database = await createDatabase(inject('postgres').connectionString, 'log')
const { connectionString } = database
const admin = new pg.Client({ connectionString })
await admin.connect()
afterAll(async () => {
  await admin.end()
  await database.drop()
})

updateLogConformance('postgres', async () => {
  const dataset = unique('dataset')
  const logs: PostgresUpdateLog[] = []
  const open = async () => {
    const log = new PostgresUpdateLog({ dataset, connectionString, poolSize: 2 })
    logs.push(log)
    await log.createSchema()
    return log
  }
  return {
    log: await open(),
    another: open,
    stored: async () => {
      const counted = await admin.query('select count(*) from kck_replica_update where dataset = $1', [dataset])
      return Number(counted.rows[0].count)
    },
    close: async () => {
      await Promise.all(logs.map((log) => log.close()))
    },
  }
})

import { afterAll, describe, inject } from 'vitest'
import type { CassandraUpdateLog } from '../../src/adapters/cassandra/update-log.ts'
import { createLogKeyspace } from '../support/cassandra/log-keyspace.ts'
import { unique } from './suite.ts'
import { updateLogConformance } from './update-log.ts'

const address = inject('cassandra')

describe.skipIf(address === null)('Cassandra', async () => {
  if (address === null) return
  const keyspace = await createLogKeyspace(address)
  afterAll(() => keyspace.drop())

  updateLogConformance(
    'cassandra',
    async () => {
      const dataset = unique('dataset')
      const logs: CassandraUpdateLog[] = []
      const open = async () => {
        const log = keyspace.open(dataset)
        logs.push(log)
        await log.createSchema()
        return log
      }
      return {
        log: await open(),
        another: open,
        stored: async () => {
          const table = `${keyspace.name}.replica_update`
          const rows = await keyspace.run(`SELECT id FROM ${table} WHERE dataset = ? AND bucket = 0`, [dataset])
          return rows.length
        },
        close: async () => {
          await Promise.all(logs.map((log) => log.close()))
        },
      }
    },
    { appends: 20, runs: 100 },
  )
})

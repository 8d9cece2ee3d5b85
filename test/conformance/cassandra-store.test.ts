import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, inject } from 'vitest'
import { createKeyspace } from '../support/cassandra/keyspace.ts'
import { entryStoreConformance } from './entry-store.ts'
import { lineageConformance } from './lineage.ts'
import { registersConformance } from './registers.ts'
import type { StoreFactory } from './suite.ts'
import { workIndexConformance } from './work-index.ts'
import { writeQueueConformance } from './write-queue.ts'

const address = inject('cassandra')

describe.skipIf(address === null)('Cassandra', async () => {
  if (address === null) return
  const keyspace = await createKeyspace(address)
  afterAll(() => keyspace.drop())

  const factory: StoreFactory = async () => {
    const store = await keyspace.open()
    const stores = [store]
    return {
      store,
      another: async () => {
        const second = await keyspace.open()
        stores.push(second)
        return second
      },
      // Lifetimes are counted in whole seconds: never too short, up to two seconds too long. A shorter wait than the
      // suite's lifetimes is for what must still be there.
      advance: (ms) => sleep(ms < 2_000 ? ms : ms + 2_500),
      close: async () => {
        await Promise.all(stores.map((store) => store.close()))
      },
    }
  }
  const options = { runs: 60, increments: 25 }

  entryStoreConformance('cassandra', factory, options)
  lineageConformance('cassandra', factory, options)
  registersConformance('cassandra', factory, options)
  writeQueueConformance('cassandra', factory, options)
  workIndexConformance('cassandra', factory, {
    ...options,
    deviations: [{ test: 'items vanish by themselves after a day', reason: 'its time is real; cassandra-ttl.test.ts' }],
  })
})

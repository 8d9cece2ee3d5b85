import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCassandraStore } from '../../../src/adapters/cassandra/store.ts'
import { createSqsRefreshQueue } from '../../../src/adapters/sqs/refresh-queue.ts'
import { systemClock, systemEntropy } from '../../../src/adapters/system/clock.ts'
import { createKck } from '../../../src/kck/create-kck.ts'
import type { Lane } from '../../../src/ports/refresh-queue.ts'
import type { CassandraAddress } from '../cassandra/start.ts'
import { testPrimer, testRegistry } from '../kck.ts'
import { sqsClient } from './client.ts'

/** What processes of one system have in common. */
export interface Shared {
  readonly cassandra: CassandraAddress
  readonly keyspace: string
  readonly endpoint: string
  readonly urls: Record<Lane, string>
  /** A file with the number that every product is made from. */
  readonly truth: string
}

/** Products `part/0` to `part/11`, and `total/0` to `total/2` of four parts each, over Cassandra and SQS. */
export async function workerKck(shared: Shared, computed: (key: string) => void = () => undefined) {
  const clock = systemClock
  const entropy = systemEntropy
  const truth = () => Number(readFileSync(shared.truth, 'utf8'))
  const part = testPrimer({
    name: 'part',
    tags: ['truth'],
    compute: async (_context, { id }) => {
      const value = truth() * 100 + Number(id)
      await sleep(30)
      computed(`part/${id}`)
      return value
    },
  })
  const total = testPrimer({
    name: 'total',
    compute: async (context, { id }) => {
      const parts = await Promise.all(partsOf(Number(id)).map((key) => context.get(key)))
      computed(`total/${id}`)
      return parts.reduce((sum: number, value) => sum + Number(value), 0)
    },
  })
  const registry = testRegistry([part, total])
  const { cassandra, keyspace, urls, endpoint } = shared
  const store = await openCassandraStore({ ...cassandra, keyspace, clock, entropy })
  const queue = createSqsRefreshQueue({ urls, client: sqsClient(endpoint), clock })
  // Short, so that what a killed process had taken is free again soon.
  const options = { nearCacheBytes: 0, leaseMs: 2_000 }
  const kck = createKck({ registry, store, sources: new Map(), queue, clock, entropy, options })
  return { kck, store, queue, clock, entropy, registry, truth }
}

const partsOf = (total: number): string[] => Array.from({ length: 4 }, (_, index) => `part/${4 * total + index}`)

export const keys = [0, 1, 2].flatMap((total) => [...partsOf(total), `total/${total}`])

/** The value of a key by its definition. */
export function expectedValue(key: string, truth: number): number {
  const id = Number(key.split('/')[1])
  if (key.startsWith('part/')) return truth * 100 + id
  return partsOf(id).reduce((sum, part) => sum + expectedValue(part, truth), 0)
}

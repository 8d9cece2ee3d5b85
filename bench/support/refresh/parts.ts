import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateQueueCommand } from '@aws-sdk/client-sqs'
import { openCassandraStore } from '../../../src/adapters/cassandra/store.ts'
import { createLmdbRefreshQueue } from '../../../src/adapters/lmdb/refresh-queue.ts'
import { openLmdbStore } from '../../../src/adapters/lmdb/store.ts'
import { createSqsRefreshQueue } from '../../../src/adapters/sqs/refresh-queue.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../../src/adapters/system/clock.ts'
import type { RefreshQueue } from '../../../src/ports/refresh-queue.ts'
import type { Store } from '../../../src/ports/store.ts'
import { sqsClient } from '../../../test/support/sqs/client.ts'
import type { Cleanup } from '../cleanup.ts'
import { startNodeServer } from '../process.ts'
import { startKeyspace } from '../services.ts'

export type Kind = 'lmdb' | 'Cassandra'

const only = process.env['BENCH_STORE']
/** All, or the one that `BENCH_STORE` names. */
export const KINDS = (['lmdb', 'Cassandra'] as const).filter((kind) => only === undefined || kind === only)

/** Where entries and refresh requests are kept. */
export interface Parts {
  readonly store: Store
  readonly queue: RefreshQueue
}

export async function openParts(kind: Kind, cleanup: Cleanup): Promise<Parts> {
  const parts = kind === 'lmdb' ? openLmdbParts(cleanup) : await openCassandraParts(cleanup)
  cleanup.add(() => parts.store.close())
  cleanup.add(() => parts.queue.close())
  return parts
}

function openLmdbParts(cleanup: Cleanup): Parts {
  const path = mkdtempSync(join(tmpdir(), 'kck-bench-'))
  cleanup.add(() => rmSync(path, { recursive: true, force: true }))
  return { store: openLmdbStore({ path, clock }), queue: createLmdbRefreshQueue({ path, clock, entropy }) }
}

async function openCassandraParts(cleanup: Cleanup): Promise<Parts> {
  const { contactPoints, port, localDataCenter, keyspace } = await startKeyspace(cleanup)
  const store = await openCassandraStore({ contactPoints, port, localDataCenter, keyspace, clock, entropy })
  const server = await startNodeServer('sqs', { options: {}, cleanup })
  const client = sqsClient(`http://127.0.0.1:${server.port}`)
  cleanup.add(() => client.destroy())
  const createLane = async (lane: string) =>
    (await client.send(new CreateQueueCommand({ QueueName: `kck-${lane}` }))).QueueUrl ?? ''
  const urls = { hot: await createLane('hot'), normal: await createLane('normal'), idle: await createLane('idle') }
  return { store, queue: createSqsRefreshQueue({ urls, client, clock }) }
}

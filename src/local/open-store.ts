import { readFile } from 'node:fs/promises'
import type { CassandraOptions } from '../adapters/cassandra/options.ts'
import type { ResolvedStore } from '../config/resolved.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'

/** Each client is loaded only when the settings ask for it. */
export async function openStore(store: ResolvedStore, time: { clock: Clock; entropy: Entropy }): Promise<Store> {
  switch (store.kind) {
    case 'memory': {
      const { openMemoryStore } = await import('../adapters/memory/store.ts')
      return openMemoryStore(time)
    }
    case 'lmdb': {
      const { openLmdbStore } = await import('../adapters/lmdb/store.ts')
      return openLmdbStore({ path: store.path, clock: time.clock })
    }
    case 'cassandra':
    case 'keyspaces': {
      const { openCassandraStore } = await import('../adapters/cassandra/store.ts')
      return openCassandraStore(await cassandraOptions(store, time))
    }
  }
}

type CassandraSettings = Extract<ResolvedStore, { kind: 'cassandra' | 'keyspaces' }>

/** How to reach the keyspace that the settings name. */
export async function cassandraOptions(
  store: CassandraSettings,
  time: { clock: Clock; entropy: Entropy },
): Promise<CassandraOptions> {
  if (store.kind === 'keyspaces') {
    const { keyspacesSettings } = await import('../adapters/keyspaces/settings.ts')
    return { ...time, ...keyspacesSettings(store, time.clock) }
  }
  const { contactPoints, port, localDataCenter, keyspace, replication, username, password, tls, ca } = store
  return {
    ...time,
    contactPoints,
    port,
    localDataCenter,
    keyspace,
    ...(replication === null ? {} : { replication }),
    ...(username === null ? {} : { authProvider: await plainText(username, password ?? '') }),
    ...(tls ? { sslOptions: { rejectUnauthorized: true, ...(ca === null ? {} : { ca: [await readFile(ca)] }) } } : {}),
  }
}

async function plainText(username: string, password: string) {
  const { default: driver } = await import('cassandra-driver')
  return new driver.auth.PlainTextAuthProvider(username, password)
}

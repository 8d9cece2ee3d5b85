import { readFile } from 'node:fs/promises'
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
      return openCassandra(store, time)
    case 'keyspaces': {
      const { keyspacesSettings } = await import('../adapters/keyspaces/settings.ts')
      const { openCassandraStore } = await import('../adapters/cassandra/store.ts')
      return openCassandraStore({ ...time, ...keyspacesSettings(store, time.clock) })
    }
  }
}

type CassandraSettings = Extract<ResolvedStore, { kind: 'cassandra' }>

async function openCassandra(store: CassandraSettings, time: { clock: Clock; entropy: Entropy }): Promise<Store> {
  const { openCassandraStore } = await import('../adapters/cassandra/store.ts')
  const { contactPoints, port, localDataCenter, keyspace, replication, username, password, tls, ca } = store
  return openCassandraStore({
    ...time,
    contactPoints,
    port,
    localDataCenter,
    keyspace,
    ...(replication === null ? {} : { replication }),
    ...(username === null ? {} : { authProvider: await plainText(username, password ?? '') }),
    ...(tls ? { sslOptions: { rejectUnauthorized: true, ...(ca === null ? {} : { ca: [await readFile(ca)] }) } } : {}),
  })
}

async function plainText(username: string, password: string) {
  const { default: driver } = await import('cassandra-driver')
  return new driver.auth.PlainTextAuthProvider(username, password)
}

import { join } from 'node:path'
import type { ResolvedConfig, ResolvedReplica, ResolvedStore } from '../config/resolved.ts'
import { KckError } from '../errors.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { ReplicaState } from '../ports/replica-state.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { Store } from '../ports/store.ts'
import type { UpdateLog } from '../ports/update-log.ts'
import type { Registry } from '../primer/registry.ts'
import type { Job } from '../process/turn.ts'
import { createReplica } from '../replica/create-replica.ts'
import type { Replicated } from '../replicate/record.ts'
import { type Replication, replicatedCodec, replicateProducts } from '../replicate/replicate-products.ts'
import { cassandraOptions } from './open-store.ts'

interface Time {
  readonly clock: Clock
  readonly entropy: Entropy
}

interface Parts extends Time {
  readonly store: Store
  readonly registry: Registry
}

export interface OpenedReplication extends Replication {
  /** For the process worker. */
  readonly jobs: readonly Job[]
  close(): Promise<void>
}

const NAME = 'products'
/** Looks at the log within the time for which a replica answers without; more often than once a second costs more than it gives. */
const LOOKS = 5
const RAREST_MS = 1_000
const MOST_OFTEN_MS = 10
/** A look that takes this long restores a snapshot. */
const DEADLINE_MS = 900_000

/** This machine's copy of the replicated products, followed from now on; null: no primer wants one. Waits for nothing. */
export async function openReplication(config: ResolvedConfig, parts: Parts): Promise<OpenedReplication | null> {
  const { replica: settings, store } = config
  const isWanted = [...parts.registry.primers.values()].some((primer) => primer.replicate)
  if (!(settings && isWanted)) return null
  const { clock, entropy } = parts
  const state = await openState(settings, clock)
  const snapshots = await openSnapshots(settings.snapshots, clock)
  const log = await openLog(settings.log, store, parts)
  const everyMs = Math.min(RAREST_MS, Math.max(MOST_OFTEN_MS, settings.maxAgeMs / LOOKS))
  const replica = createReplica<Replicated, string>(
    { name: NAME, log, state, snapshots: snapshots?.store ?? null, clock, entropy },
    { codec: replicatedCodec, keys: 'text', cacheBytes: settings.cacheBytes, everyMs, deadlineMs: DEADLINE_MS },
  )
  replica.follow()
  const replication = replicateProducts({ ...parts, replica })
  return {
    ...replication,
    jobs: snapshots ? [replication.maintenance(settings.snapshotEveryMs)] : [],
    close: async () => {
      await replica.close()
      await snapshots?.close()
    },
  }
}

/** Creates the tables of the log, where it lies in the store's keyspace. */
export async function createLogSchema({ replica, store }: ResolvedConfig, time: Time): Promise<void> {
  if (replica?.log.kind !== 'store') return
  const log = await openLog(replica.log, store, time)
  try {
    await log.createSchema()
  } finally {
    await log.close()
  }
}

async function openState({ state, path }: ResolvedReplica, clock: Clock): Promise<ReplicaState> {
  if (state === 'sqlite') {
    const { SqliteReplicaState } = await import('../adapters/sqlite/replica-state.ts')
    return new SqliteReplicaState({ path: join(path, NAME) })
  }
  const { LmdbReplicaState } = await import('../adapters/lmdb/replica-state.ts')
  return new LmdbReplicaState({ path: join(path, NAME), clock })
}

interface OpenedSnapshots {
  readonly store: SnapshotStore
  close(): Promise<void>
}

async function openSnapshots(settings: ResolvedReplica['snapshots'], clock: Clock): Promise<OpenedSnapshots | null> {
  if (settings === null) return null
  if (settings.kind === 'file') {
    const { createFileSnapshotStore } = await import('../adapters/file/snapshot-store.ts')
    return { store: createFileSnapshotStore({ path: join(settings.path, NAME), clock }), close: async () => undefined }
  }
  const { createS3SnapshotStore } = await import('../adapters/s3/snapshot-store.ts')
  const { bucket, prefix, region, endpoint } = settings
  const place = { ...(region === null ? {} : { region }), ...(endpoint === null ? {} : { endpoint }) }
  const store = createS3SnapshotStore({ bucket, prefix: `${prefix}/${NAME}`, clock, ...place })
  return { store, close: () => store.close() }
}

async function openLog(
  log: ResolvedReplica['log'],
  store: ResolvedStore,
  { clock, entropy }: Time,
): Promise<UpdateLog> {
  if (log.kind === 'file') {
    const { FileUpdateLog } = await import('../adapters/file-log/update-log.ts')
    return new FileUpdateLog({ path: join(log.path, NAME) })
  }
  if (store.kind !== 'cassandra' && store.kind !== 'keyspaces') {
    throw new KckError('INVALID_CONFIG', "replica.log.kind 'store' needs a Cassandra or Keyspaces store")
  }
  const { CassandraUpdateLog } = await import('../adapters/cassandra/update-log.ts')
  return new CassandraUpdateLog({ ...(await cassandraOptions(store, { clock, entropy })), dataset: NAME })
}

import { dirname, join, resolve } from 'node:path'
import type { Problem } from './reader.ts'
import type { ResolvedReplica, ResolvedStore } from './resolved.ts'
import type { Settings } from './schema.ts'

interface Around {
  readonly store: ResolvedStore
  readonly folder: string
  /** Only `/tmp` can be written to. */
  readonly inLambda: boolean
}

/**
 * Where replicated products are kept: the log beside the store, the copy on this machine. Null: a store in one
 * process's memory needs none.
 */
export function resolveReplica(
  { log, path, snapshots, ...times }: Settings['replica'],
  { store, folder, inLambda }: Around,
  problems: Problem[],
): ResolvedReplica | null {
  const refuse = (setting: string, message: string) => problems.push({ setting: `replica.${setting}`, message })
  const beside = join(store.kind === 'lmdb' ? dirname(store.path) : resolve(folder, '.kck'), 'replica')
  const isCassandra = store.kind === 'cassandra' || store.kind === 'keyspaces'
  if (log?.kind === 'store' && !isCassandra) {
    refuse('log.kind', "can be 'store' where store.kind is 'cassandra' or 'keyspaces'")
  }
  if (isCassandra && log?.kind === 'file') refuse('log.kind', 'must be what all machines see: leave it out')
  if (store.kind === 'memory') return null
  const logPath = log?.kind === 'file' ? log.path : null
  const file = { kind: 'file', path: join(beside, 'snapshots') } as const
  return {
    log: isCassandra ? { kind: 'store' } : { kind: 'file', path: resolve(folder, logPath ?? join(beside, 'log')) },
    path: path === null ? (inLambda ? '/tmp/kck-replica' : beside) : resolve(folder, path),
    snapshots:
      snapshots?.kind === 'file'
        ? { kind: 'file', path: resolve(folder, snapshots.path) }
        : (snapshots ?? (isCassandra ? null : file)),
    maxAgeMs: times.maxAge,
    snapshotEveryMs: times.snapshotEvery,
    cacheBytes: times.cacheBytes,
  }
}

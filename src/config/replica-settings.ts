import { dirname, join, resolve } from 'node:path'
import type { Problem } from './reader.ts'
import type { ResolvedReplica, ResolvedStore } from './resolved.ts'
import type { Settings } from './schema.ts'

interface Around {
  readonly store: ResolvedStore
  readonly folder: string
  readonly inLambda: boolean
}

/**
 * Where replicated products are kept: the log beside the store, the copy on this machine. Null: a store in one
 * process's memory needs none, and a Lambda function has one only when it is told where.
 */
export function resolveReplica(
  settings: Settings['replica'],
  { store, folder, inLambda }: Around,
  problems: Problem[],
): ResolvedReplica | null {
  const isShared = store.kind === 'cassandra' || store.kind === 'keyspaces'
  checkLog(settings.log, isShared, problems)
  if (store.kind === 'memory' || (inLambda && settings.path === null)) return null
  const beside = join(store.kind === 'lmdb' ? dirname(store.path) : resolve(folder, '.kck'), 'replica')
  const logPath = settings.log?.kind === 'file' ? settings.log.path : null
  return {
    log: isShared ? { kind: 'store' } : { kind: 'file', path: resolve(folder, logPath ?? join(beside, 'log')) },
    path: settings.path === null ? beside : resolve(folder, settings.path),
    state: inLambda ? 'sqlite' : 'lmdb',
    snapshots: resolveSnapshots(settings.snapshots, folder, isShared ? null : join(beside, 'snapshots')),
    maxAgeMs: settings.maxAge,
    snapshotEveryMs: settings.snapshotEvery,
    cacheBytes: settings.cacheBytes,
  }
}

function checkLog(log: Settings['replica']['log'], isShared: boolean, problems: Problem[]): void {
  const refuse = (message: string) => problems.push({ setting: 'replica.log.kind', message })
  if (log?.kind === 'store' && !isShared) refuse("can be 'store' where store.kind is 'cassandra' or 'keyspaces'")
  if (log?.kind === 'file' && isShared) refuse('must be what all machines see: leave it out')
}

function resolveSnapshots(
  snapshots: Settings['replica']['snapshots'],
  folder: string,
  beside: string | null,
): ResolvedReplica['snapshots'] {
  if (snapshots === null) return beside === null ? null : { kind: 'file', path: beside }
  return snapshots.kind === 'file' ? { kind: 'file', path: resolve(folder, snapshots.path) } : snapshots
}

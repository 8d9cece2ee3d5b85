import { tmpdir } from 'node:os'
import { join } from 'node:path'
// biome-ignore-start lint/style/noRestrictedImports: what kck/replica exports is put together here.
import { LmdbReplicaState } from '../adapters/lmdb/replica-state.ts'
import { systemClock, systemEntropy } from '../adapters/system/clock.ts'
// biome-ignore-end lint/style/noRestrictedImports: see above.
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import { openScope, untilAborted } from '../kck/scope.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { UpdateLog } from '../ports/update-log.ts'
import { type ReplicaCodec, structured } from './codec.ts'
import { createReplica } from './create-replica.ts'
import type { KeyKind } from './key.ts'
import type { Replica } from './replica.ts'

export interface ReplicaOptions<T> {
  /** Names the dataset on this machine: 1 to 100 letters, digits, `.`, `_` and `-`, no `.` first. */
  readonly name: string
  readonly log: UpdateLog
  /** Without one the log cannot be compacted. */
  readonly snapshots?: SnapshotStore
  /** The folder of the files that all processes of the machine share. Default: `kck-replica` in the system's folder for temporary files. */
  readonly path?: string
  /** Default `structured()`. All writers and readers of a dataset use the same. */
  readonly codec?: ReplicaCodec<T>
  /** What iterators give: text (the default; all keys are UTF-8 then) or bytes. */
  readonly keys?: KeyKind
  /** Bytes of encoded values whose decoded form each process keeps; 0: none. Default 32 MiB. */
  readonly cacheBytes?: number
  /** Whether to update in the background. Default true. */
  readonly follow?: boolean
  /** Milliseconds between two looks at the log. Default 250. */
  readonly everyMs?: number
  /** Milliseconds within which an update in the background ends, also one that restores a snapshot. Default 900,000. */
  readonly deadlineMs?: number
}

/** Opening waits this long for a file that is complete; then it is completed behind. */
const OPENING_MS = 10_000

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/

/**
 * Opens a dataset and, when this machine has never had all of it, tries to update it first; a log that cannot be
 * reached is no error here (`valid` tells), the follower goes on trying. Throws `INVALID_CONFIG` for options that can
 * never work.
 */
export async function openReplica<T>(
  options: ReplicaOptions<T> & { readonly keys: 'bytes' },
): Promise<Replica<T, Buffer>>
export async function openReplica<T>(options: ReplicaOptions<T> & { readonly keys?: 'text' }): Promise<Replica<T>>
export async function openReplica<T, K extends string | Buffer>(options: ReplicaOptions<T>): Promise<Replica<T, K>> {
  const { name, log, snapshots = null, codec = structured<T>(), keys = 'text' } = options
  if (!NAME.test(name)) {
    throw new KckError('INVALID_CONFIG', 'The name of a replica is 1 to 100 letters, digits, ".", "_" and "-"')
  }
  const [clock, entropy] = [systemClock, systemEntropy]
  const path = join(options.path ?? join(tmpdir(), 'kck-replica'), name)
  const state = new LmdbReplicaState({ path, clock })
  const { cacheBytes = 32 * 1024 * 1024, everyMs = 250, deadlineMs = 900_000 } = options
  const settings = { codec, keys, cacheBytes, everyMs, deadlineMs }
  const replica = createReplica<T, K>({ name, log, state, snapshots, clock, entropy }, settings)
  const scope = openScope(clock, clock.now() + OPENING_MS)
  try {
    if (!replica.valid) await untilAborted(replica.update(), scope.signal)
  } catch (error) {
    if (error instanceof KckError && error.code === 'INVALID_CONFIG') throw error
    emit({ type: 'replica', name, outcome: 'failed', id: replica.updateId, error })
  } finally {
    scope.end()
  }
  if (options.follow !== false) replica.follow()
  return replica
}

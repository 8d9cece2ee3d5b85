import type { Clock, Entropy } from '../ports/clock.ts'
import type { ReplicaState } from '../ports/replica-state.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { UpdateLog } from '../ports/update-log.ts'

/** What a replica is made of, below its codec: bytes only. */
export interface ReplicaParts {
  readonly name: string
  readonly log: UpdateLog
  readonly state: ReplicaState
  /** Null: none was given. */
  readonly snapshots: SnapshotStore | null
  readonly clock: Clock
  readonly entropy: Entropy
}

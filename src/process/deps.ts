import type { Kck } from '../kck/kck.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'

/** What everything that runs by itself stands on. */
export interface ProcessDeps {
  readonly kck: Pick<Kck, 'registry' | 'get' | 'changed' | 'invalidateTags' | 'work'>
  readonly store: Store
  readonly queue: RefreshQueue
  /** By the name that primers use. Asked for nothing unless something is due, so that a database may pause. */
  readonly sources: ReadonlyMap<string, Source>
  readonly clock: Clock
  readonly entropy: Entropy
  /** Brings all that is replicated to what the store says; where something is. */
  readonly publishReplicated?: (signal: AbortSignal) => Promise<void>
}

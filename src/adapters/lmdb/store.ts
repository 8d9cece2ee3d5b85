import type { Store } from '../../ports/store.ts'
import { createLmdbEntryStore, type LmdbEntryStore } from './entry-store.ts'
import { type EnvironmentOptions, openEnvironment } from './environment.ts'
import { createLmdbLineage } from './lineage.ts'
import { createLmdbRegisters } from './registers.ts'
import { createLmdbWorkIndex } from './work-index.ts'
import { createLmdbWriteQueue } from './write-queue.ts'

export interface LmdbStore extends Store {
  readonly entries: LmdbEntryStore
  /** Deletes the expired ones of the next `limit` records. It happens by itself as well, a little with the writes. */
  vacuum(limit: number): number
}

/**
 * A store in a folder of this machine, shared by any number of its processes. A read takes some microseconds. A commit
 * survives the death of a process; when the machine itself dies the store begins empty (see `folder.ts`).
 *
 * Throws `STORE_UNAVAILABLE` when the folder cannot be used, `INVALID_CONFIG` when a newer KCK made it.
 */
export function openLmdbStore(options: EnvironmentOptions): LmdbStore {
  const environment = openEnvironment(options)
  let closed = false
  return {
    entries: createLmdbEntryStore(environment, options.clock),
    lineage: createLmdbLineage(environment),
    workIndex: createLmdbWorkIndex(environment, options.clock),
    registers: createLmdbRegisters(environment, options.clock),
    writeQueue: createLmdbWriteQueue(environment, options.clock),
    vacuum: (limit) => environment.vacuum(limit),
    async createSchema() {},
    async close() {
      if (closed) return
      closed = true
      await environment.close()
    },
  }
}

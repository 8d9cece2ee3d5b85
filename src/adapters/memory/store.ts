import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { createMemoryEntryStore } from './entry-store.ts'
import { createMemoryLineage } from './lineage.ts'
import { createMemoryRegisters } from './registers.ts'
import { createMemoryWorkIndex } from './work-index.ts'
import { createMemoryWriteQueue } from './write-queue.ts'

/** A store in this process's memory, gone with it. Deterministic and without timers: the reference for the others. */
export function openMemoryStore({ clock }: { readonly clock: Clock }): Store {
  return {
    entries: createMemoryEntryStore(clock),
    lineage: createMemoryLineage(),
    workIndex: createMemoryWorkIndex(clock),
    registers: createMemoryRegisters(clock),
    writeQueue: createMemoryWriteQueue(clock),
    async createSchema() {},
    async close() {},
  }
}

import type { EntryStore } from './entry-store.ts'
import type { Lineage } from './lineage.ts'
import type { Registers } from './registers.ts'
import type { WorkIndex } from './work-index.ts'
import type { WriteQueue } from './write-queue.ts'

/** One technology's share of the system's memory: entries, lineage, owed work, registers and accepted writes, behind one connection. */
export interface Store {
  readonly entries: EntryStore
  readonly lineage: Lineage
  readonly workIndex: WorkIndex
  readonly registers: Registers
  readonly writeQueue: WriteQueue
  /** Creates what is missing and waits until it can be used. Safe to run again, and at the same time from elsewhere. */
  createSchema(): Promise<void>
  close(): Promise<void>
}

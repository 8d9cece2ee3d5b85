import { entryStoreConformance } from './entry-store.ts'
import { memoryHarness } from './memory-harness.ts'

entryStoreConformance('memory', memoryHarness)

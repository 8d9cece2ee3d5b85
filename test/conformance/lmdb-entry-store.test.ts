import { entryStoreConformance } from './entry-store.ts'
import { lmdbHarness } from './lmdb-harness.ts'

entryStoreConformance('lmdb', lmdbHarness)

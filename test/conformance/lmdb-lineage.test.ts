import { lineageConformance } from './lineage.ts'
import { lmdbHarness } from './lmdb-harness.ts'

lineageConformance('lmdb', lmdbHarness)

import { lmdbHarness } from './lmdb-harness.ts'
import { workIndexConformance } from './work-index.ts'

workIndexConformance('lmdb', lmdbHarness)

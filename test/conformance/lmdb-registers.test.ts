import { lmdbHarness } from './lmdb-harness.ts'
import { registersConformance } from './registers.ts'

registersConformance('lmdb', lmdbHarness)

import { lmdbHarness } from './lmdb-harness.ts'
import { writeQueueConformance } from './write-queue.ts'

writeQueueConformance('lmdb', lmdbHarness)

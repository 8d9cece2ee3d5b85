import { memoryHarness } from './memory-harness.ts'
import { writeQueueConformance } from './write-queue.ts'

writeQueueConformance('memory', memoryHarness)

import { lineageConformance } from './lineage.ts'
import { memoryHarness } from './memory-harness.ts'

lineageConformance('memory', memoryHarness)

import { memoryHarness } from './memory-harness.ts'
import { workIndexConformance } from './work-index.ts'

workIndexConformance('memory', memoryHarness)

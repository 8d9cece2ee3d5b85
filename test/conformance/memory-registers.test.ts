import { memoryHarness } from './memory-harness.ts'
import { registersConformance } from './registers.ts'

registersConformance('memory', memoryHarness)

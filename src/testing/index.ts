// biome-ignore-all lint/performance/noBarrelFile: this file is what the package exports as kck/testing.
/** For tests of your own primers: everything in memory, time and chance from a seed, faults as you like them. */
export { createMemoryRefreshQueue } from '../adapters/memory/refresh-queue.ts'
export { openMemoryStore } from '../adapters/memory/store.ts'
export { CALM, type FaultPlan, type MessageFaults, STORMY } from './fault-plan.ts'
export {
  type InjectOptions,
  injectFaults,
  type ProcessPorts,
  type SharedPorts,
  type SimulatedProcess,
} from './inject-faults.ts'
export { type Answer, scriptedSource } from './scripted-source.ts'
export { SeededEntropy } from './seeded-entropy.ts'
export { createTestSystem, type TestProcess, type TestSystem, type TestSystemOptions } from './test-system.ts'
export { afterMicrotasks, VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'

import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { StoreHarness } from './suite.ts'

export async function memoryHarness(): Promise<StoreHarness> {
  const clock = createVirtualClock()
  const store = openMemoryStore({ clock })
  return { store, now: clock.now, advance: clock.advance, close: () => store.close() }
}

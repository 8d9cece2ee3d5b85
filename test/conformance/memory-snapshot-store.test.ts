import { createMemorySnapshotStore } from '../../src/adapters/memory/snapshot-store.ts'
import { snapshotStoreConformance } from './snapshot-store.ts'

snapshotStoreConformance('memory', async () => {
  const store = createMemorySnapshotStore()
  return {
    store,
    another: () => store,
    tear: async ({ name, bytes }) => store.tear(name, bytes / 2),
    close: async () => undefined,
  }
})

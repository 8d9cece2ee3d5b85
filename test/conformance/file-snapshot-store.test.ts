import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileSnapshotStore } from '../../src/adapters/file/snapshot-store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { snapshotStoreConformance } from './snapshot-store.ts'

snapshotStoreConformance('file', async () => {
  const path = mkdtempSync(join(tmpdir(), 'kck-snapshots-'))
  const another = () => createFileSnapshotStore({ path, clock: systemClock })
  return {
    store: another(),
    another,
    tear: async ({ name, bytes }) => truncateSync(join(path, `${name}.data`), bytes / 2),
    close: async () => rmSync(path, { recursive: true, force: true }),
  }
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import type { StoreHarness } from './suite.ts'

export async function lmdbHarness(): Promise<StoreHarness> {
  const path = mkdtempSync(join(tmpdir(), 'kck-lmdb-'))
  const clock = createVirtualClock()
  const store = openLmdbStore({ path, clock })
  return {
    store,
    now: clock.now,
    advance: clock.advance,
    close: async () => {
      await store.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}

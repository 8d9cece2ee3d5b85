import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLmdbRefreshQueue } from '../../src/adapters/lmdb/refresh-queue.ts'
import { createSeededEntropy, createVirtualClock } from '../support/virtual-clock.ts'
import { refreshQueueConformance } from './refresh-queue.ts'

refreshQueueConformance('lmdb', async () => {
  const path = mkdtempSync(join(tmpdir(), 'kck-lmdb-'))
  const clock = createVirtualClock()
  const open = (seed: number) => createLmdbRefreshQueue({ path, clock, entropy: createSeededEntropy(seed) })
  const queues = [open(1)]
  return {
    queue: queues[0] ?? open(1),
    another: async () => {
      const second = open(2)
      queues.push(second)
      return second
    },
    advance: clock.advance,
    close: async () => {
      for (const each of queues) await each.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
})

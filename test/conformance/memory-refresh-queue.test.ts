import { createMemoryRefreshQueue } from '../../src/adapters/memory/refresh-queue.ts'
import { createSeededEntropy, createVirtualClock } from '../support/virtual-clock.ts'
import { refreshQueueConformance } from './refresh-queue.ts'

refreshQueueConformance('memory', async () => {
  const clock = createVirtualClock()
  const queue = createMemoryRefreshQueue({ clock, entropy: createSeededEntropy() })
  return { queue, advance: clock.advance, close: () => queue.close() }
})

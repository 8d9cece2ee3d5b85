import type { ResolvedQueue } from '../config/resolved.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'

/** Where refresh requests wait. */
export async function openQueue(queue: ResolvedQueue, time: { clock: Clock; entropy: Entropy }): Promise<RefreshQueue> {
  if (queue.kind === 'lmdb') {
    const { createLmdbRefreshQueue } = await import('../adapters/lmdb/refresh-queue.ts')
    return createLmdbRefreshQueue({ path: queue.path, ...time })
  }
  if (queue.kind === 'sqs') {
    const { createSqsRefreshQueue } = await import('../adapters/sqs/refresh-queue.ts')
    const { urls, region, endpoint } = queue
    return createSqsRefreshQueue({ urls, clock: time.clock, ...(region && { region }), ...(endpoint && { endpoint }) })
  }
  const { createMemoryRefreshQueue } = await import('../adapters/memory/refresh-queue.ts')
  return createMemoryRefreshQueue(time)
}

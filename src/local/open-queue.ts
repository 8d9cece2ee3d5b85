import type { ResolvedStore } from '../config/resolved.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'

/** The refresh requests of a machine: beside the embedded store, where all its processes see them, else in memory. */
export async function openQueue(store: ResolvedStore, time: { clock: Clock; entropy: Entropy }): Promise<RefreshQueue> {
  if (store.kind === 'lmdb') {
    const { createLmdbRefreshQueue } = await import('../adapters/lmdb/refresh-queue.ts')
    return createLmdbRefreshQueue({ path: store.path, ...time })
  }
  const { createMemoryRefreshQueue } = await import('../adapters/memory/refresh-queue.ts')
  return createMemoryRefreshQueue(time)
}

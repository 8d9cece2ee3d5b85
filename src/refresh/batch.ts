import { concurrently } from '../async/concurrently.ts'
import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery } from '../ports/refresh-queue.ts'
import { Backlog } from './backlog.ts'
import { choose } from './choose.ts'
import { type Held, handBack, handle, hold } from './handle.ts'
import { unknown } from './worker.ts'

export interface BatchOptions {
  /** Refreshes at once. */
  readonly concurrency: number
  /** Milliseconds for which nobody else gets a message of the batch; renewed until it is settled. */
  readonly visibilityMs: number
  /** Aborts when there is no time left: what is under way is given up, what is not begun goes back. */
  readonly signal: AbortSignal
}

interface BatchDeps {
  readonly work: Work
  readonly clock: Clock
}

/**
 * Works on deliveries that came together, in the order in which they are worth doing. Returns those that come again.
 */
export async function refreshBatch(
  { work, clock }: BatchDeps,
  deliveries: readonly Delivery[],
  { concurrency, visibilityMs, signal }: BatchOptions,
): Promise<readonly Delivery[]> {
  const now = clock.now()
  for (const { request, lane } of deliveries) {
    const { key, cause, at } = request
    emit({ type: 'queue', action: 'received', key, lane, cause, lagMs: now - at })
  }
  const batch = deliveries.map((delivery) => hold(clock, delivery, visibilityMs))
  const backlog = await inOrder({ work, clock }, batch, { concurrency, signal })
  const again: Delivery[] = []
  const settling: Promise<void>[] = []
  await concurrently(batch, concurrency, async () => {
    const held = backlog.take(clock.now()) as Held
    const handled = signal.aborted ? null : await handle(work, held, signal)
    settling.push(handled?.settled ?? handBack(held))
    if (!handled || 'retryInMs' in handled.outcome) again.push(held.delivery)
  })
  await Promise.all(settling)
  return again
}

async function inOrder(
  { work, clock }: BatchDeps,
  batch: readonly Held[],
  { concurrency, signal }: Pick<BatchOptions, 'concurrency' | 'signal'>,
): Promise<Backlog<Held>> {
  const requests = batch.map(({ delivery }) => delivery.request)
  // Where all of them begin at once, or the store does not answer, what the messages say is enough.
  const found = batch.length <= concurrency ? null : await work.look(requests, signal).catch(() => null)
  const backlog = new Backlog<Held>()
  for (const [index, item] of batch.entries()) {
    const { request, lane: from } = item.delivery
    const { candidate, seen } = found?.[index] ?? { candidate: null, seen: null }
    item.seen = seen
    // Where nothing seems to be left to do, that is soon found out for sure.
    const lane = candidate ? (choose(candidate, clock.now()).lane ?? 'idle') : 'hot'
    backlog.add({ item, from, lane: found ? lane : from, candidate: candidate ?? unknown(request) })
  }
  return backlog
}

import { concurrently } from '../async/concurrently.ts'
import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery, Lane } from '../ports/refresh-queue.ts'
import { handBack, handle, hold } from './handle.ts'

export interface BatchOptions {
  /** Refreshes at once. */
  readonly concurrency: number
  /** Milliseconds for which nobody else gets a message of the batch; renewed until it is settled. */
  readonly visibilityMs: number
  /** Aborts when there is no time left: what is under way is given up, what is not begun goes back. */
  readonly signal: AbortSignal
}

const ORDER: readonly Lane[] = ['hot', 'normal', 'idle']

/** Works on deliveries that came together: the hotter lane first, then who waits longest. Returns those that come again. */
export async function refreshBatch(
  { work, clock }: { readonly work: Work; readonly clock: Clock },
  deliveries: readonly Delivery[],
  { concurrency, visibilityMs, signal }: BatchOptions,
): Promise<readonly Delivery[]> {
  const now = clock.now()
  for (const { request, lane } of deliveries) {
    const { key, cause, at } = request
    emit({ type: 'queue', action: 'received', key, lane, cause, lagMs: now - at })
  }
  const batch = inOrder(deliveries).map((delivery) => hold(clock, delivery, visibilityMs))
  const again: Delivery[] = []
  await concurrently(batch, concurrency, async (held) => {
    const outcome = signal.aborted ? await handBack(held) : await handle(work, held, signal)
    if (!outcome || 'retryInMs' in outcome) again.push(held.delivery)
  })
  return again
}

function inOrder(deliveries: readonly Delivery[]): readonly Delivery[] {
  return deliveries.toSorted((a, b) => ORDER.indexOf(a.lane) - ORDER.indexOf(b.lane) || a.request.at - b.request.at)
}

import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import { ENDED } from '../kck/scope.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery } from '../ports/refresh-queue.ts'
import { deliver, type Outcome } from './deliver.ts'
import type { Seen } from './look.ts'

/** A delivery that nobody else gets. */
export interface Held {
  readonly delivery: Delivery
  /** What a look at its request found; null: nobody has looked. */
  seen: Seen | null
  /** From now on it is hidden no longer than it is. */
  end(): Promise<void>
}

/** Keeps others from getting a delivery, whether it is being worked on or waits for its turn. */
export function hold(clock: Clock, delivery: Delivery, visibilityMs: number): Held {
  const ended = new AbortController()
  const keeping = keep(clock, delivery, visibilityMs, ended.signal)
  return {
    delivery,
    seen: null,
    end: async () => {
      ended.abort(ENDED)
      // An extension that is still on its way would undo what comes next.
      await keeping
    },
  }
}

async function keep(clock: Clock, delivery: Delivery, visibilityMs: number, ended: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(visibilityMs / 3, ended)
      await settle(delivery.extend(visibilityMs))
    }
  } catch {
    // Ended.
  }
}

export interface Handled {
  readonly outcome: Outcome
  /** Resolves when it is acknowledged or handed back, which queues do for several at once. Never rejects. */
  readonly settled: Promise<void>
}

/** Does what a delivery asks for, and then begins to acknowledge it or to hand it back. Never throws. */
export async function handle(work: Work, held: Held, signal: AbortSignal): Promise<Handled> {
  const outcome = await deliver(work, held, signal)
  const settled = held
    .end()
    .then(() => settle('done' in outcome ? held.delivery.ack() : held.delivery.nack(outcome.retryInMs)))
  return { outcome, settled }
}

/** Gives a delivery that was not begun to the next who asks. Never throws. */
export async function handBack(held: Held): Promise<void> {
  await held.end()
  await settle(held.delivery.nack(0))
}

/** Never to be delivered again. Never throws. */
export async function drop(held: Held): Promise<void> {
  await held.end()
  await settle(held.delivery.ack())
}

// A message that could not be settled comes again, and finds its work done.
async function settle(settling: Promise<void>): Promise<void> {
  try {
    await settling
  } catch (error) {
    emit({ type: 'fault', where: 'settling a message', error })
  }
}

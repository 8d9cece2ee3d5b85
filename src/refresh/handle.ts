import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import { ENDED } from '../kck/scope.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery } from '../ports/refresh-queue.ts'
import { deliver, type Outcome } from './deliver.ts'

/** A delivery that nobody else gets. */
export interface Held {
  readonly delivery: Delivery
  /** From now on it is hidden no longer than it is. */
  end(): Promise<void>
}

/** Keeps others from getting a delivery, whether it is being worked on or waits for its turn. */
export function hold(clock: Clock, delivery: Delivery, visibilityMs: number): Held {
  const ended = new AbortController()
  const keeping = keep(clock, delivery, visibilityMs, ended.signal)
  return {
    delivery,
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

/** Does what a delivery asks for, and acknowledges it or hands it back. Never throws. */
export async function handle(work: Work, held: Held, signal: AbortSignal): Promise<Outcome> {
  const outcome = await deliver(work, held.delivery, signal)
  await held.end()
  await settle('done' in outcome ? held.delivery.ack() : held.delivery.nack(outcome.retryInMs))
  return outcome
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

import { asKckError, type KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import type { Delivery } from '../ports/refresh-queue.ts'
import { continuing, inSpan } from '../trace/trace.ts'
import type { Seen } from './look.ts'

/** What becomes of a delivery. The row remembers failures; a message only says when to look again. */
export type Outcome =
  | { readonly done: 'acknowledged' | 'dropped' | 'parked' }
  | { readonly retryInMs: number; readonly error: KckError }

export interface Delivered {
  readonly delivery: Delivery
  /** What a look at its request found. */
  readonly seen: Seen | null
}

const RETRY_MS = 5_000
/** SQS delays no message for longer. */
const LONGEST_RETRY_MS = 900_000

/** Does what one delivery asks for and says what became of it. Never throws. */
export function deliver(work: Work, delivered: Delivered, signal: AbortSignal): Promise<Outcome> {
  return continuing(delivered.delivery.request.origin, () => refresh(work, delivered, signal))
}

async function refresh(work: Work, { delivery, seen }: Delivered, signal: AbortSignal): Promise<Outcome> {
  const { key, cause } = delivery.request
  const report = (action: 'acknowledged' | 'dropped' | 'parked' | 'retried') =>
    emit({ type: 'queue', action, key, lane: delivery.lane, cause })
  try {
    const attributes = { 'kck.key': key, 'kck.lane': delivery.lane, 'kck.cause': cause }
    await inSpan('kck refresh', { kind: 'consumer', attributes }, () => work.refresh(delivery.request, signal, seen))
    report('acknowledged')
    return { done: 'acknowledged' }
  } catch (thrown) {
    const error = asKckError(thrown)
    // A primer that is gone, a key of another grammar: a later delivery would find the same.
    if (error.code === 'UNKNOWN_PRODUCT' || error.code === 'BAD_KEY' || error.code === 'BAD_PARAMETER') {
      report('dropped')
      return { done: 'dropped' }
    }
    if (error.details['parked'] === true) {
      report('parked')
      return { done: 'parked' }
    }
    report('retried')
    const retryInMs = signal.aborted ? 0 : Math.min(LONGEST_RETRY_MS, error.retryAfterMs ?? RETRY_MS)
    return { retryInMs, error }
  }
}

import { concurrently } from '../async/concurrently.ts'
import type { StoredEntry } from '../entry/entry.ts'
import { mutate } from '../entry/mutate.ts'
import { request } from '../entry/transitions.ts'
import { emit } from '../events.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { ProcessDeps } from './deps.ts'

/** A product that is to be made fresh, and its entry as just read. */
export interface Wanted {
  readonly product: ProductKey
  readonly entry: StoredEntry
  readonly cause: 'schedule' | 'warm-up'
}

export interface Asking {
  /** Milliseconds; by a `schedule`, sources read from then on are new enough. */
  readonly at: number
  /** Milliseconds after which a request that nobody took up is taken for lost. */
  readonly lostAfterMs: number
  readonly signal: AbortSignal
}

const KEYS_AT_ONCE = 16
const LANE = 'idle'

/**
 * Asks for refreshes that no reader waits for, once per key while one is pending: however long the queue and however
 * often a schedule comes round, a key is in it once. Returns how many were asked for.
 */
export async function askFor(deps: ProcessDeps, wanted: readonly Wanted[], asking: Asking): Promise<number> {
  const { clock, queue, entropy } = deps
  const mutateDeps = { entries: deps.store.entries, clock, entropy }
  const { at, lostAfterMs, signal } = asking
  const noted = await concurrently(wanted, KEYS_AT_ONCE, async ({ entry, cause }) => {
    const change = { key: entry.key, operation: entropy.id(), known: entry, signal }
    const requested = { at: clock.now(), lane: LANE, cause }
    return (await mutate(mutateDeps, change, (now) => request(now, requested, clock.now(), lostAfterMs))).applied
  })
  const asked = wanted.filter((_, index) => noted[index])
  if (asked.length === 0) return 0
  const requests = asked.map(({ product, cause }) => ({ key: product.text, cause, at }))
  await queue.send(LANE, requests, { signal })
  for (const { key, cause } of requests) emit({ type: 'queue', action: 'sent', key, lane: LANE, cause })
  return asked.length
}

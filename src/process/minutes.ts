import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { WorkItem } from '../ports/work-index.ts'

export interface MinuteSweep {
  readonly kind: WorkItem['kind']
  /** Items younger than this many milliseconds are left for later. */
  readonly graceMs: number
  /** Does what is due and takes it out of its minute. */
  readonly work: (due: readonly WorkItem[]) => Promise<void>
  /** Stop after this many items, or minutes; the next call goes on there. */
  readonly items: number
  readonly minutes: number
}

export const MINUTE_MS = 60_000
/** Items vanish by themselves after a day. */
const LIFETIME_MS = 86_400_000
/** A minute this long over gets no new item: clocks differ by less, and no write is under way for so long. */
const CLOSED_AFTER_MS = 2 * MINUTE_MS
const PAGE = 200

/**
 * Looks through the index of owed work, from the first minute that nobody has finished to the newest one that can hold
 * something due. A register remembers how far it is finished, for all processes. True: all the way.
 */
export async function eachMinute(
  deps: { readonly store: Store; readonly clock: Clock; readonly entropy: Entropy },
  sweep: MinuteSweep,
  signal?: AbortSignal,
): Promise<boolean> {
  const { store, clock, entropy } = deps
  const call = signal ? { signal } : {}
  const name = `sweep/${sweep.kind}`
  const register = await store.registers.get(name, call)
  const now = clock.now()
  const oldest = startOf(now - LIFETIME_MS)
  const first = Math.max(oldest, register ? Number(register.text) : oldest)
  const last = startOf(now - sweep.graceMs)

  let { items, minutes } = sweep
  let minute = first
  let finished = first
  while (minute <= last && items > 0 && minutes > 0) {
    items -= await workThrough(store, sweep, { minute, limit: items, now }, signal)
    minutes -= 1
    // A minute that was cut short is looked through again: what was done is no longer in it.
    if (items > 0 && minute + MINUTE_MS + CLOSED_AFTER_MS <= now) finished = minute + MINUTE_MS
    minute += MINUTE_MS
  }
  if (finished > first) {
    // Another sweep may have been here too; whichever comes second leaves it to the first.
    const next = { text: String(finished), operation: entropy.id(), removeAt: null }
    await store.registers.compareAndSet(name, register?.rev ?? 0, next, call)
  }
  return minute > last
}

/** Returns how many items it looked at; at most `limit`, to the page. */
async function workThrough(
  store: Store,
  sweep: MinuteSweep,
  { minute, limit, now }: { readonly minute: number; readonly limit: number; readonly now: number },
  signal?: AbortSignal,
): Promise<number> {
  const call = signal ? { signal } : {}
  let looked = 0
  for (let after: string | undefined; looked < limit; ) {
    const page = { limit: PAGE, ...(after === undefined ? {} : { after }) }
    const { items, next } = await store.workIndex.list(sweep.kind, minute, page, call)
    const due = items.filter((item) => item.at + sweep.graceMs <= now)
    if (due.length > 0) await sweep.work(due)
    looked += items.length
    if (next === undefined) return looked
    after = next
  }
  return looked
}

function startOf(at: number): number {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS
}

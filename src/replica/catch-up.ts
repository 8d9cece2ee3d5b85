import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Item, Position } from '../ports/replica-state.ts'
import type { LogPage } from '../ports/update-log.ts'
import type { ReplicaParts } from './parts.ts'
import { restoreNewest } from './snapshots.ts'
import { decodeUpdate } from './update-codec.ts'

/** Contents that are read and applied at a time. */
const PAGE_BYTES = 1024 * 1024
/** A replica that is further behind says so. */
const WORTH_SAYING = 1000

export interface Reached {
  readonly id: number
  /** When the log was asked and had nothing more, in milliseconds; null: it was not read to its end. */
  readonly currentAt: number | null
}

/**
 * Applies the log to the state: to its end, or until at least `toId` is in it. Any number of processes may do so at the
 * same time; each page counts once. What the log has no longer is taken from a snapshot.
 */
export async function catchUp(parts: ReplicaParts, toId: number, signal?: AbortSignal): Promise<Reached> {
  const { name, state, clock } = parts
  const startedAt = clock.now()
  const first = state.position().id
  for (let reached = await step(parts, true, signal); ; reached = await step(parts, false, signal)) {
    if (reached === null || (reached.currentAt === null && reached.id < toId)) continue
    const { id } = reached
    if (id > first) emit({ type: 'replica', name, outcome: 'applied', id, costMs: clock.now() - startedAt })
    return reached
  }
}

/** One page further. Null: it has to be tried again, because the state is another one now. */
async function step(parts: ReplicaParts, isFirst: boolean, signal: AbortSignal | undefined): Promise<Reached | null> {
  const { name, log, state, clock } = parts
  signal?.throwIfAborted()
  const asked = clock.now()
  const at = state.position()
  // The log itself may not be there yet.
  if (at.logId === null) await log.createSchema()
  const page = await log.read(at.id, { bytes: PAGE_BYTES }, signal && { signal })
  const lag = page.head - at.id
  if (isFirst && lag >= WORTH_SAYING) emit({ type: 'replica', name, outcome: 'behind', id: at.id, lag })
  if (await isOfAnotherLog(parts, at, page)) startAnew(parts, at)
  else if (page.floor > at.id) await restore(parts, page, signal)
  else if (applyPage(parts, at, page)) return { id: page.through, currentAt: page.through >= page.head ? asked : null }
  return null
}

/** False: another process has changed the state meanwhile. */
function applyPage({ state }: ReplicaParts, at: Position, page: LogPage): boolean {
  const atHead = page.through >= page.head
  const isNothingNew = page.through === at.id && at.logId !== null && (at.valid || !atHead)
  if (isNothingNew) return true
  const items = page.updates.flatMap(({ contents }): readonly Item[] => decodeUpdate(contents))
  return state.apply({ logId: page.logId, from: at.id, to: page.through, items, atHead })
}

/** A log that ends before what was read from it is not that log: it was restored from a copy. */
async function isOfAnotherLog({ log }: ReplicaParts, at: Position, page: LogPage): Promise<boolean> {
  if (at.logId !== null && at.logId !== page.logId) return true
  // Asked twice: what it means is too dear for an answer that was late.
  return page.head < at.id && (await log.state()).head < at.id
}

function startAnew({ name, state }: ReplicaParts, at: Position): void {
  state.clear()
  const error = new Error('The file follows another log than the one that is configured')
  emit({ type: 'replica', name, outcome: 'rebuilt', id: at.id, error })
}

async function restore(parts: ReplicaParts, page: LogPage, signal: AbortSignal | undefined): Promise<void> {
  if (await restoreNewest(parts, signal)) return
  // Another process may have been faster.
  if (parts.state.position().id >= page.floor) return
  throw new KckError(
    'STORE_UNAVAILABLE',
    'The log has been compacted, and no snapshot holds what was removed: take one where the replica is complete',
    { retryAfterMs: 1_000 },
  )
}

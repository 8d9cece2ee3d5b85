import { asKckError, KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Item } from '../ports/replica-state.ts'
import { catchUp } from './catch-up.ts'
import type { ReplicaParts } from './parts.ts'
import { encodeUpdate, splitItems } from './update-codec.ts'

/**
 * Appends what the items say to the log, in as few updates as may be, and has this machine's file see it. Of items with
 * one key the last counts. Returns the last update's id; for no items the present one.
 */
export async function append(parts: ReplicaParts, items: readonly Item[], signal?: AbortSignal): Promise<number> {
  const updates = splitItems(items)
  const { logId, id: before } = parts.state.position()
  // The log itself may not be there yet.
  if (logId === null) await parts.log.createSchema()
  let id = before
  for (const [index, update] of updates.entries()) {
    id = await appendOne(parts, update, signal).catch((error: unknown) => {
      throw index === 0 ? error : partly(error, index, updates.length)
    })
    await see(parts, { id, items: update }, signal)
  }
  return id
}

async function appendOne({ log, entropy }: ReplicaParts, items: readonly Item[], signal?: AbortSignal) {
  const [only, ...others] = items
  // What may come to nothing supersedes nothing.
  const key = only && others.length === 0 && !only.onlyIf ? only.key : null
  return await log.append({ contents: encodeUpdate(items), key, operation: entropy.id() }, signal && { signal })
}

/**
 * The file must not go back: an update is applied here only directly behind the one before it, else all up to it come
 * from the log. It is durable already, so a failure is the follower's to make good.
 */
async function see(
  parts: ReplicaParts,
  update: { readonly id: number; readonly items: readonly Item[] },
  signal?: AbortSignal,
): Promise<void> {
  const { name, state } = parts
  const { id, items } = update
  try {
    const { logId, id: at, valid } = state.position()
    // A file that is not complete shows nothing yet, and to complete it may take minutes.
    if (!valid || at >= id) return
    if (logId !== null && at === id - 1 && state.apply({ logId, from: at, to: id, items, atHead: false })) return
    await catchUp(parts, id, signal)
  } catch (error) {
    emit({ type: 'replica', name, outcome: 'failed', id, error })
  }
}

function partly(error: unknown, written: number, of: number): KckError {
  const cause = asKckError(error)
  return new KckError(cause.code, `${cause.message} (${written} of ${of} updates were written)`, {
    cause,
    details: { ...cause.details, written, of },
    ...(cause.retryAfterMs !== undefined && { retryAfterMs: cause.retryAfterMs }),
  })
}

import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import { isUnderWay } from './deltas.ts'
import type { EntryRow, Happening, StoredEntry } from './entry.ts'
import { historyWith } from './history.ts'
import { emptyRow, type Refusal, type Transition } from './transitions.ts'

export interface MutateDeps {
  readonly entries: EntryStore
  readonly clock: Clock
  readonly entropy: Entropy
}

export type Mutated =
  | { readonly applied: true; readonly row: EntryRow }
  | { readonly applied: false; readonly refused: Refusal; readonly entry: StoredEntry }

/** How many operation ids a row remembers. */
const REMEMBERED_OPERATIONS = 8
const FIRST_RETRY_MS = 2
const LAST_RETRY_MS = 100

export interface Change {
  readonly key: string
  /** Unique per intended change: a row that remembers it has it already, whatever an earlier attempt was answered. */
  readonly operation: string
  readonly signal?: AbortSignal | undefined
  /** The entry as just read; saves the first read. */
  readonly known?: StoredEntry | undefined
  /** Marks that are folded stay beside the row: a change that follows soon removes them. */
  readonly keepMarks?: boolean
  /** What goes into the entry's history with it. */
  readonly happened?: Happening | undefined
}

/**
 * Reads the entry, applies `transition`, writes the result with a compare-and-set; again when somebody else was
 * faster. Throws what the store throws, or the signal's reason.
 */
export async function mutate(
  deps: MutateDeps,
  change: Change,
  transition: (entry: StoredEntry) => Transition,
): Promise<Mutated> {
  const { key, operation, signal } = change
  const call = signal ? { signal } : {}
  // What a replica says of an entry is not what the store holds: it has no row's `rev`.
  const known = change.known?.row && change.known.row.rev < 0 ? undefined : change.known
  let entry = known ?? (await deps.entries.get(key, { ...call, consistency: 'latest' }))
  for (let attempt = 0; ; attempt++) {
    if (entry.row?.ops.includes(operation)) return { applied: true, row: entry.row }
    const outcome = transition(entry)
    if ('refused' in outcome) return { applied: false, refused: outcome.refused, entry }
    const previous = entry.row ?? emptyRow(key)
    const next: EntryRow = {
      ...outcome.next,
      rev: previous.rev + 1,
      ops: [...previous.ops, operation].slice(-REMEMBERED_OPERATIONS),
      history: historyWith(entry, outcome.next, change.happened),
    }
    if (await deps.entries.compareAndSet(entry.row, next, call)) {
      await removeFoldedMarks(deps, change, entry, next)
      return { applied: true, row: next }
    }
    const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt)
    await deps.clock.sleep(deps.entropy.random() * ceiling, signal)
    entry = await deps.entries.get(key, { ...call, consistency: 'latest' })
  }
}

// The row remembers what it absorbed, so marks that stay behind are harmless and go with the next change.
async function removeFoldedMarks(deps: MutateDeps, change: Change, entry: StoredEntry, next: EntryRow): Promise<void> {
  if (change.keepMarks) return
  const folded = entry.marks
    .filter((mark) => next.absorbed.includes(mark.id) && !isUnderWay(mark, entry.marks))
    .map((mark) => mark.id)
  if (folded.length === 0) return
  try {
    await deps.entries.unmark(entry.key, folded)
  } catch (error) {
    emit({ type: 'fault', where: 'removing marks', key: entry.key, error })
  }
}

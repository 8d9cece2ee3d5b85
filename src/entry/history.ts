import type { EntryRow, Happening, StoredEntry } from './entry.ts'
import { pendingMarks } from './freshness.ts'

/** How many an entry keeps. */
const KEPT = 12
const LONGEST_TEXT = 200

/** The history of the row that a change writes: with the change itself, and with the marks that it folds in. */
export function historyWith(entry: StoredEntry, next: EntryRow, happened: Happening | undefined): readonly Happening[] {
  const before = next.history ?? []
  const marks = next.epoch > (entry.row?.epoch ?? 0) ? pendingMarks(entry) : []
  // One change may have come by several ways.
  const causes = new Map(marks.map((mark) => [mark.cause, mark]))
  const dirty = [...causes.values()].map(({ at, cause }): Happening => ({ at, what: 'dirty', cause }))
  if (dirty.length === 0 && !happened) return before
  return [...before, ...dirty.slice(-KEPT), ...(happened ? [happened] : [])].slice(-KEPT).map(short)
}

function short(happening: Happening): Happening {
  const { cause, error } = happening
  return {
    ...happening,
    cause: cause.slice(0, LONGEST_TEXT),
    ...(error === undefined ? {} : { error: error.slice(0, LONGEST_TEXT) }),
  }
}

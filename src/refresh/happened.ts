import type { EntryRow, Happening } from '../entry/entry.ts'
import type { Made } from './make.ts'
import type { Held } from './publish.ts'

/** How long it was dirty; null when it was not, or has become so again meanwhile. */
export function lagOf({ dirtyAt }: EntryRow, after: EntryRow, now: number): number | null {
  return dirtyAt === null || after.dirtyAt !== null ? null : Math.max(0, now - dirtyAt)
}

/** What goes into the entry's history. */
export function happenedIn(
  { how, rows, value }: Made,
  { row }: Held,
  { cause }: { readonly cause: string },
  now: number,
): Happening {
  const ms = now - (row.lease?.since ?? now)
  return { at: now, what: how, cause, ms, ...(rows === undefined ? {} : { rows }), version: value.version }
}

import type { EntryRow } from '../../src/entry/entry.ts'
import type { Store } from '../../src/ports/store.ts'

/** The shared store, with every applied change of a row shown at its instant. */
export function observedStore(store: Store, onApplied: (previous: EntryRow | null, next: EntryRow) => void): Store {
  const { entries } = store
  return {
    ...store,
    entries: {
      ...entries,
      compareAndSet: async (previous, next, options) => {
        const applied = await entries.compareAndSet(previous, next, options)
        if (applied) onApplied(previous, next)
        return applied
      },
    },
  }
}

/** The value inside a small row, as it is stored. */
export function storedValue(row: EntryRow | null): unknown {
  const inline = row?.value?.body.inline
  return inline ? JSON.parse(Buffer.from(inline).toString()).value : undefined
}

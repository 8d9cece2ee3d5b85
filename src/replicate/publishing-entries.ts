import type { EntryRow, Mark } from '../entry/entry.ts'
import type { CallOptions, EntryStore } from '../ports/entry-store.ts'
import type { Publisher } from './publisher.ts'

/** Entries of which those that are replicated are published with every change that a reader could notice. */
export function publishingEntries(entries: EntryStore, publisher: Publisher): EntryStore {
  return {
    get: (key, options) => entries.get(key, options),
    getMany: (keys, options) => entries.getMany(keys, options),
    compareAndSet: (previous, next, options) => {
      const change = () => entries.compareAndSet(previous, next, options)
      return publisher.isReplicated(next.key) && isSeen(previous, next)
        ? publisher.around([next.key], change)
        : change()
    },
    mark: (keys: readonly string[], mark: Mark, removeAt: number | null, options?: CallOptions) => {
      const change = () => entries.mark(keys, mark, removeAt, options)
      const replicated = keys.filter((key) => publisher.isReplicated(key))
      return replicated.length > 0 ? publisher.around(replicated, change) : change()
    },
    // What the marks said is in the row by then.
    unmark: (key, markIds, options) => entries.unmark(key, markIds, options),
    putChunks: (...call) => entries.putChunks(...call),
    getChunks: (...call) => entries.getChunks(...call),
    deleteChunks: (...call) => entries.deleteChunks(...call),
    ping: (options) => entries.ping(options),
    close: () => entries.close(),
  }
}

/** Leases, requests and marks folded into the epoch are nothing to a reader: whoever placed a mark has published it. */
function isSeen(previous: EntryRow | null, next: EntryRow): boolean {
  return previous?.value !== next.value || previous?.failure !== next.failure
}

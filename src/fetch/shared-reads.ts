import type { StoredEntry } from '../entry/entry.ts'
import type { EntryStore } from '../ports/entry-store.ts'

/**
 * Reads of one key at the same time share one read of the store. A caller joins only a read that begins after it asked,
 * so that it never misses a write that was acknowledged before: at most one read is under way, and one comes next.
 */
export class SharedReads {
  readonly #entries: EntryStore
  readonly #reads = new Map<string, { readonly running: Promise<StoredEntry>; next: Promise<StoredEntry> | null }>()

  constructor(entries: EntryStore) {
    this.#entries = entries
  }

  /** Ends by the store's own deadline; a caller with an earlier one stops waiting for it. */
  read(key: string): Promise<StoredEntry> {
    const under = this.#reads.get(key)
    if (!under) return this.#start(key)
    const start = () => this.#start(key)
    under.next ??= under.running.then(start, start)
    return under.next
  }

  #start(key: string): Promise<StoredEntry> {
    const running = this.#entries.get(key).finally(() => {
      if (this.#reads.get(key) === read) this.#reads.delete(key)
    })
    const read = { running, next: null }
    this.#reads.set(key, read)
    return running
  }
}

import { LRUCache } from 'lru-cache'
import type { StoredEntry } from '../entry/entry.ts'
import type { MemoryBody } from './fetched-body.ts'

/** An entry as this process last read it from the store. */
export interface NearEntry {
  readonly entry: StoredEntry
  readonly body: MemoryBody
  /** Milliseconds; when the store was asked: what it said is no younger. */
  readonly readAt: number
}

export interface Ticket {
  readonly deletions: number
  readonly readAt: number
}

/** What the near cache costs beside bodies: row, keys, maps. */
const OVERHEAD_BYTES = 1_024

/**
 * The in-process copy of what was read lately. Bounded in bytes; its entries answer for `maxAgeMs` without the store,
 * and after that only when the store cannot be asked.
 */
export class NearCache {
  readonly #entries: LRUCache<string, NearEntry> | null
  readonly #maxAgeMs: number
  /** Counts deletions; the count at which each key was deleted last, and the latest count that fell out of that list. */
  #deletions = 0
  #forgotten = 0
  readonly #deleted = new LRUCache<string, number>({
    // `max` would take the room for all of them at once.
    maxSize: 10_000,
    sizeCalculation: () => 1,
    disposeAfter: (count, _key, reason) => {
      if (reason === 'evict') this.#forgotten = Math.max(this.#forgotten, count)
    },
  })

  constructor(maxBytes: number, maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs
    this.#entries =
      maxBytes > 0 && maxAgeMs > 0
        ? // An entry above the limit alone is not kept. Room for the plain and one more encoded form is counted ahead.
          new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ body }) => OVERHEAD_BYTES + body.size + body.length })
        : null
  }

  /** Young enough to be served without asking the store. */
  get(key: string, now: number): NearEntry | undefined {
    const near = this.#entries?.get(key)
    if (!near) return undefined
    const age = now - near.readAt
    return age >= 0 && age < this.#maxAgeMs ? near : undefined
  }

  /** However old: for when the store cannot be asked. */
  getAnyAge(key: string): NearEntry | undefined {
    return this.#entries?.get(key)
  }

  /** To be taken before the store is read and handed to `set`. */
  ticket(now: number): Ticket {
    return { deletions: this.#deletions, readAt: now }
  }

  /** Keeps what was read, unless the key was deleted after the ticket was taken: the read may be older than that. */
  set(key: string, read: Pick<NearEntry, 'entry' | 'body'>, { deletions, readAt }: Ticket): void {
    if ((this.#deleted.get(key) ?? this.#forgotten) <= deletions) this.#entries?.set(key, { ...read, readAt })
  }

  /** A newer value is there to be read: forget this one. */
  drop(key: string): void {
    this.#entries?.delete(key)
  }

  /** What is being read right now may be outdated too. */
  delete(key: string): void {
    this.#deletions += 1
    this.#deleted.set(key, this.#deletions)
    this.#entries?.delete(key)
  }
}

import { LRUCache } from 'lru-cache'
import type { StoredEntry } from '../entry/entry.ts'
import { mutate } from '../entry/mutate.ts'
import { request } from '../entry/transitions.ts'
import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { Lane, RefreshQueue } from '../ports/refresh-queue.ts'
import type { ProductKey } from '../primer/registry.ts'

export interface RequestDeps {
  readonly entries: EntryStore
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly entropy: Entropy
}

/** After this long a request that nobody took up is asked for again: its message may be lost. */
const ASK_AGAIN_MS = 30_000

/**
 * Asks for refreshes, once per key while one is pending: the row remembers that somebody asked, and this process
 * remembers it too, so that a thousand stale reads cost one conditional write and one message. Never throws: a request
 * that fails is a `fault`, and the next stale read asks again.
 */
export interface RequestReason {
  readonly cause: string
  readonly lane: Lane
  /** The entry as just read. */
  readonly entry?: StoredEntry | null
  /** Also while somebody computes: who does may be about to give up. */
  readonly anyway?: boolean
}

export class RefreshRequests {
  readonly #deps: RequestDeps
  // `max` would take the room for all of them at once.
  readonly #asked = new LRUCache<string, number>({ maxSize: 50_000, sizeCalculation: () => 1 })

  constructor(deps: RequestDeps) {
    this.#deps = deps
  }

  async request(product: ProductKey, why: RequestReason): Promise<void> {
    const { clock } = this.#deps
    const key = product.text
    const now = clock.now()
    if (now - (this.#asked.get(key) ?? Number.NEGATIVE_INFINITY) < ASK_AGAIN_MS) return
    this.#asked.set(key, now)
    try {
      if (why.anyway || (await this.#noteInRow(key, why, now))) await this.#send(key, why, now)
    } catch (error) {
      this.#asked.delete(key)
      emit({ type: 'fault', where: 'requesting a refresh', key, error })
    }
  }

  /** The key was made fresh, or became dirty again: the next request is a new one. */
  forget(key: string): void {
    this.#asked.delete(key)
  }

  async #noteInRow(key: string, why: RequestReason, now: number): Promise<boolean> {
    const { clock, entropy, entries } = this.#deps
    const known = why.entry ? { known: why.entry } : {}
    const noted = await mutate({ clock, entropy, entries }, { key, operation: entropy.id(), ...known }, (entry) =>
      request(entry, { at: now, lane: why.lane, cause: why.cause }, now, ASK_AGAIN_MS),
    )
    return noted.applied
  }

  async #send(key: string, why: RequestReason, now: number): Promise<void> {
    await this.#deps.queue.send(why.lane, [{ key, cause: why.cause, at: now }])
    emit({ type: 'queue', action: 'sent', key, lane: why.lane, cause: why.cause })
  }
}

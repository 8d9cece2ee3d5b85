import { LRUCache } from 'lru-cache'

/** So many notes of a read are written within the time after which a product is idle, by each process at most. */
const NOTES_WITHIN_IDLE = 4

/** When this process has last noted that a product was read: a note costs a write, so only the few are made that matter. */
export class LastReads {
  // `max` would take the room for all of them at once.
  readonly #noted = new LRUCache<string, number>({ maxSize: 50_000, sizeCalculation: () => 1 })

  /** Whether a read now is to be noted. `readAt`: what is noted already, as far as is known. */
  isNews(
    key: string,
    readAt: number | undefined,
    { now, idleAfterMs }: { readonly now: number; readonly idleAfterMs: number },
  ): boolean {
    const latest = Math.max(readAt ?? Number.NEGATIVE_INFINITY, this.#noted.get(key) ?? Number.NEGATIVE_INFINITY)
    if (now - latest < idleAfterMs / NOTES_WITHIN_IDLE) return false
    this.#noted.set(key, now)
    return true
  }
}

import { LRUCache } from 'lru-cache'

interface Counted {
  readonly value: string
  reads: number
  /** How many of the reads were told. */
  told: number
  /** Milliseconds; when it was told last. */
  at: number
  /** Milliseconds until it is told again, though nothing else is new. */
  againAfterMs: number
}

/** After this long a request that nobody took up is made again: its message may be lost. Then after twice as long ... */
const FIRST_AGAIN_MS = 30_000
const LAST_AGAIN_MS = 480_000

/**
 * How often this process has read each stale value, so that it need not tell each time: it does at the first read, the
 * 4th, the 16th and so on, and again when nothing has come of it for long. Remembers the 50,000 products that were read
 * last.
 */
export class Demand {
  // `max` would take the room for all of them at once.
  readonly #keys = new LRUCache<string, Counted>({ maxSize: 50_000, sizeCalculation: () => 1 })

  /**
   * Counts a read of a stale value. The reads that are to be told now; null: none. `value` is another after each refresh,
   * also where that found the content as it was.
   */
  read(key: string, value: string, now: number): number | null {
    const counted = this.#of(key, value)
    counted.reads += 1
    return isPowerOfFour(counted.reads) || isDue(counted, now) ? tell(counted, now) : null
  }

  /** Somebody wants it for another reason. The reads that are to be told along with that; null: it was told just now. */
  want(key: string, value: string, now: number): number | null {
    const counted = this.#of(key, value)
    return isDue(counted, now) ? tell(counted, now) : null
  }

  forget(key: string): void {
    this.#keys.delete(key)
  }

  #of(key: string, value: string): Counted {
    const known = this.#keys.get(key)
    if (known?.value === value) return known
    const counted = { value, reads: 0, told: 0, at: Number.NEGATIVE_INFINITY, againAfterMs: FIRST_AGAIN_MS }
    this.#keys.set(key, counted)
    return counted
  }
}

function isDue(counted: Counted, now: number): boolean {
  return now - counted.at >= counted.againAfterMs
}

function tell(counted: Counted, now: number): number {
  if (counted.at !== Number.NEGATIVE_INFINITY && isDue(counted, now)) {
    counted.againAfterMs = Math.min(LAST_AGAIN_MS, 2 * counted.againAfterMs)
  }
  const untold = counted.reads - counted.told
  counted.told = counted.reads
  counted.at = now
  return untold
}

function isPowerOfFour(count: number): boolean {
  return Number.isInteger(Math.log2(count) / 2)
}

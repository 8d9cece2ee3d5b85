import type { FetchRequest } from '../kck/kck.ts'
import type { NearCache, NearEntry } from './near-cache.ts'
import type { ProductReplica } from './product-replica.ts'

/** A copy of an entry that needs no question to the store. */
export interface Held extends NearEntry {
  readonly from: 'near' | 'replica'
}

export interface HeldCopiesOptions {
  readonly near: NearCache
  /** Null: nothing is replicated. */
  readonly replica: ProductReplica | null
  /** Milliseconds for which the replica answers without hearing from its log. */
  readonly replicaMaxAgeMs: number
}

/** What of the entries lies on this machine: the copy of all that is replicated, and what this process read lately. */
export class HeldCopies {
  readonly #options: HeldCopiesOptions

  constructor(options: HeldCopiesOptions) {
    this.#options = options
  }

  /**
   * Those young enough to answer. The replica's first: it hears of changes. Not where this process has read the store
   * since: nobody goes back to what was.
   */
  young(key: string, now: number, request: FetchRequest = {}): readonly Held[] {
    const { near, replicaMaxAgeMs } = this.#options
    const replicated = this.#replicated(key, now, Math.min(replicaMaxAgeMs, longestStale(request)))
    const found = near.get(key, now)
    const isOlder = replicated !== null && (near.getAnyAge(key)?.readAt ?? replicated.readAt) > replicated.readAt
    const held: Held[] = replicated && !isOlder ? [replicated] : []
    if (found) held.push({ ...found, from: 'near' })
    return held
  }

  /** For when the store cannot be asked: however old, as long as the request says nothing else. */
  any(key: string, now: number, request: FetchRequest): Held | null {
    const found = this.#options.near.getAnyAge(key)
    return this.#replicated(key, now, longestStale(request)) ?? (found ? { ...found, from: 'near' } : null)
  }

  /** From the replica, when that knows what was so less than `mostMs` ago. */
  #replicated(key: string, now: number, mostMs: number): Held | null {
    const { replica } = this.#options
    if (!replica) return null
    const readAt = replica.currentAt ?? Number.NEGATIVE_INFINITY
    const found = now >= readAt && now - readAt < mostMs ? replica.get(key) : undefined
    return found ? { entry: found.entry, body: found.body, readAt, from: 'replica' } : null
  }
}

/** What is fresh may have become stale right after it was heard of: a bound on one is a bound on the other. */
function longestStale(request: FetchRequest): number {
  return request.maxStaleMs ?? Number.POSITIVE_INFINITY
}

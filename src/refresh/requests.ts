import type { EntryRow, StoredEntry } from '../entry/entry.ts'
import { mutate } from '../entry/mutate.ts'
import { request, touch } from '../entry/transitions.ts'
import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { Lane, RefreshQueue } from '../ports/refresh-queue.ts'
import type { ProductKey } from '../primer/registry.ts'
import { candidateOf } from './candidate.ts'
import { choose } from './choose.ts'
import { Demand } from './demand.ts'
import { LastReads } from './last-reads.ts'

export interface RequestDeps {
  readonly entries: EntryStore
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly entropy: Entropy
}

/** After this long a request that nobody took up is made again: its message may be lost. */
const ASK_AGAIN_MS = 30_000

export interface RequestReason {
  readonly cause: string
  /** The entry as just read. */
  readonly entry: StoredEntry | null
  /** Also while somebody computes: who does may be about to give up. */
  readonly anyway?: boolean
}

/**
 * Asks for refreshes, once per key while one is pending: the row remembers that somebody asked, and this process counts
 * what it reads, so that a thousand stale reads cost a few conditional writes and mostly one message. A request that
 * turns out to be worth more than it was is made again in a hotter lane. Never throws: a request that fails is a
 * `fault`, and the next stale read asks again.
 */
export class RefreshRequests {
  readonly #deps: RequestDeps
  readonly #demand = new Demand()
  readonly #lastReads = new LastReads()

  constructor(deps: RequestDeps) {
    this.#deps = deps
  }

  async request(product: ProductKey, why: RequestReason): Promise<void> {
    const { clock } = this.#deps
    const key = product.text
    const now = clock.now()
    const value = materializationOf(why.entry)
    const isRead = why.cause === 'stale-read'
    const reads = isRead ? this.#demand.read(key, value, now) : this.#demand.want(key, value, now)
    if (reads === null) return
    try {
      const lane = why.anyway ? 'hot' : await this.#noteInRow(product, why, reads, now)
      if (lane) await this.#send(lane, key, why.cause, now)
    } catch (error) {
      this.#demand.forget(key)
      emit({ type: 'fault', where: 'requesting a refresh', key, error })
    }
  }

  /** Somebody reads the product: notes it now and then, where its primer wants to know whether anybody still does. */
  async noteRead({ text: key, primer }: ProductKey, entry: StoredEntry): Promise<void> {
    const { idleAfterMs } = primer
    const now = this.#deps.clock.now()
    // Nothing to note it in: it is about to be computed for the first time.
    if (idleAfterMs === null || !entry.row?.value) return
    if (!this.#lastReads.isNews(key, entry.row.readAt, { now, idleAfterMs })) return
    try {
      await mutate(this.#deps, { key, operation: this.#deps.entropy.id(), known: entry }, (current) =>
        touch(current, now),
      )
    } catch (error) {
      emit({ type: 'fault', where: 'noting a read', key, error })
    }
  }

  /** The key was made fresh, or became dirty again: the next request is a new one. */
  forget(key: string): void {
    this.#demand.forget(key)
  }

  /** The lane in which to ask; null: somebody did already. */
  async #noteInRow(product: ProductKey, why: RequestReason, reads: number, now: number): Promise<Lane | null> {
    const { cause } = why
    const known = why.entry ? { known: why.entry } : {}
    let asked: Lane | null = null
    const change = { key: product.text, operation: this.#deps.entropy.id(), ...known }
    const noted = await mutate(this.#deps, change, (entry) => {
      const candidate = candidateOf(product, entry, { cause, at: now }, now)
      const demand = candidate.demand + reads
      const { lane } = choose({ ...candidate, demand }, now)
      if (lane === null) return { refused: { reason: 'nothing' } }
      const outcome = request(entry, { at: now, lane, cause, ...(demand > 0 ? { demand } : {}) }, now, ASK_AGAIN_MS)
      asked = 'next' in outcome && isNew(outcome.next.requested, entry.row?.requested) ? lane : null
      return outcome
    })
    return noted.applied ? asked : null
  }

  async #send(lane: Lane, key: string, cause: string, now: number): Promise<void> {
    await this.#deps.queue.send(lane, [{ key, cause, at: now }])
    emit({ type: 'queue', action: 'sent', key, lane, cause })
  }
}

/** Names what the last refresh published: a version alone outlives refreshes that change nothing. */
function materializationOf(entry: StoredEntry | null): string {
  const value = entry?.row?.value
  return value ? `${value.version} ${value.asOf} ${value.builtEpoch}` : ''
}

/** Not only that the pending request is wanted more. */
function isNew(requested: EntryRow['requested'], pending: EntryRow['requested'] | undefined): boolean {
  return requested?.at !== pending?.at || requested?.lane !== pending?.lane
}

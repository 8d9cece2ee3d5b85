import { systemClock as clock, systemEntropy as entropy } from '../../../src/adapters/system/clock.ts'
import { concurrently } from '../../../src/async/concurrently.ts'
import { type KckEvent, subscribe } from '../../../src/events.ts'
import { createKck } from '../../../src/kck/create-kck.ts'
import type { Kck } from '../../../src/kck/kck.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import type { AnyPrimer } from '../../../src/primer/definition.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import type { Parts } from './parts.ts'

/** Refreshes that one worker works on at a time. */
export const AT_ONCE = 32
const PRIMES_AT_ONCE = 64
const WAIT_MS = 1_000

/** KCK with a refresh worker over a store and a queue, in this process. */
export class Fleet {
  readonly kck: Kck
  readonly #parts: Parts
  #open = 0
  #settled: () => void = () => undefined

  constructor(parts: Parts, primers: readonly AnyPrimer[]) {
    this.#parts = parts
    const registry = createRegistry({ primers, updaters: [] })
    this.kck = createKck({ ...parts, registry, sources: new Map(), clock, entropy })
  }

  /** Has every key computed once. */
  async prime(keys: readonly string[]): Promise<void> {
    await concurrently(keys, PRIMES_AT_ONCE, (key) => this.kck.fetch(key, { deadline: Number.POSITIVE_INFINITY }))
  }

  /** Runs a change; milliseconds until the last mark was placed, and until all refreshes were asked for too. */
  async change(work: (kck: Kck) => Promise<unknown>): Promise<{ readonly dirtyMs: number; readonly askedMs: number }> {
    const began = performance.now()
    let dirtyMs = 0
    const stop = subscribe((event) => {
      if (event.type === 'dirty') dirtyMs = performance.now() - began
      this.#count(event)
    })
    try {
      await work(this.kck)
    } finally {
      stop()
    }
    return { dirtyMs, askedMs: performance.now() - began }
  }

  /** Works until every request that `change` sent is done; how long that took, in milliseconds. */
  async drain(): Promise<number> {
    const done = new Promise<void>((resolve) => {
      this.#settled = resolve
    })
    const stop = subscribe((event) => this.#count(event))
    const abort = new AbortController()
    const { queue } = this.#parts
    const options = { concurrency: AT_ONCE, waitMs: WAIT_MS }
    const began = performance.now()
    const work = new RefreshWorker({ queue, work: this.kck.work, clock }, options).run(abort.signal)
    if (this.#open > 0) await done
    const ms = performance.now() - began
    abort.abort()
    await work
    stop()
    // The SQS server does not notice that a receiver is gone, and would hide from the next one what it sends to it.
    await clock.sleep(WAIT_MS + 100)
    return ms
  }

  #count(event: KckEvent): void {
    if (event.type !== 'queue') return
    if (event.action === 'sent') this.#open++
    else if (event.action === 'parked' || event.action === 'dropped')
      throw new Error(`${event.key} was ${event.action}`)
    else if (event.action === 'acknowledged' && --this.#open === 0) this.#settled()
  }
}

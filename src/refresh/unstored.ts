import { hash, plainBody } from '../entry/body.ts'
import type { Materialization } from '../entry/entry.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { KckError } from '../errors.ts'
import { MemoryBody } from '../fetch/fetched-body.ts'
import { untilAborted } from '../kck/scope.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Lineage } from '../ports/lineage.ts'
import type { ProductKey } from '../primer/registry.ts'
import { Flights } from './flights.ts'
import { Recorder } from './recorder.ts'
import type { ComputeRun } from './run.ts'

/** At most this many computes at once while the store cannot be asked: the source is spared first. */
const MAX_AT_ONCE = 4

export interface UnstoredDeps {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly compute: (product: ProductKey, run: ComputeRun) => Promise<unknown>
}

export interface Unstored {
  readonly value: Materialization
  readonly body: MemoryBody
}

/** Computes for those who wait now and keeps nothing: what is left to do when the store is down. */
export class UnstoredComputes {
  readonly #deps: UnstoredDeps
  readonly #flights: Flights<Unstored>
  #running = 0

  constructor(deps: UnstoredDeps) {
    this.#deps = deps
    this.#flights = new Flights((signal) => deps.clock.sleep(0, signal))
  }

  async compute(product: ProductKey, signal: AbortSignal): Promise<Unstored> {
    const { value } = await this.#flights.join(product.text, (flight) => this.#run(product, flight), { signal })
    return value
  }

  async #run(product: ProductKey, signal: AbortSignal): Promise<Unstored> {
    if (this.#running >= MAX_AT_ONCE) {
      throw new KckError('STORE_UNAVAILABLE', 'The cache store does not answer, and the source is busy enough', {
        retryAfterMs: 1_000,
      })
    }
    this.#running += 1
    try {
      const { clock, entropy } = this.#deps
      const now = clock.now()
      const recorder = new Recorder(product.text, null, { lineage: NO_LINEAGE, entropy })
      const computed = await untilAborted(
        this.#deps.compute(product, { recorder, signal, now, isUnstored: true, priority: 'interactive' }),
        signal,
      )
      const valueJson = JSON.stringify(toJsonForm(computed))
      const plain = plainBody({ key: product.text, valueJson, version: now, modified: now })
      const body = {
        id: '',
        encoding: 'identity',
        length: plain.length,
        checksum: '',
        inline: plain,
        chunks: 0,
        chunksExpireAt: null,
      } as const
      return {
        body: new MemoryBody(body, plain),
        value: {
          version: now,
          builtEpoch: 0,
          asOf: now,
          modified: now,
          softExpiresAt: null,
          hardExpiresAt: null,
          contentHash: hash(valueJson),
          primerRevision: product.primer.revision,
          inputs: [],
          ancestors: recorder.ancestors,
          costMs: clock.now() - now,
          body,
        },
      }
    } finally {
      this.#running -= 1
    }
  }
}

const NO_LINEAGE: Lineage = {
  addEdges: async () => undefined,
  removeEdges: async () => undefined,
  dependents: async () => ({ keys: [] }),
}

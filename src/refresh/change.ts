import { emit } from '../events.ts'
import type { Marked } from '../kck/kck.ts'
import type { WorkItem } from '../ports/work-index.ts'
import type { ProductKey } from '../primer/registry.ts'
import { markDirty } from '../update/dirty.ts'
import { type PropagateDeps, type Propagation, propagate } from './propagate.ts'
import { productNode } from './recorder.ts'

/** A change as it is announced: what changed, and the products it names outright. */
export interface Announced extends Propagation {
  /** Products that are dirty themselves, beside everything below the nodes. */
  readonly products: readonly ProductKey[]
}

/**
 * Carries changes through, whatever happens on the way: what is owed is written down first, and crossed out when every
 * mark is placed. A process that dies in between leaves it for the sweep.
 */
export class Changes {
  readonly #deps: PropagateDeps
  readonly #request: (product: ProductKey) => Promise<void>

  /** `request` asks for the refresh of a product that was named outright. */
  constructor(deps: PropagateDeps, request: (product: ProductKey) => Promise<void>) {
    this.#deps = deps
    this.#request = request
  }

  /** Writes down what is owed, before it can be owed. `settle` crosses it out. */
  async intend(propagation: Propagation, keys: readonly string[]): Promise<Intent> {
    const { store, clock } = this.#deps
    const payload = JSON.stringify({ ...propagation, keys })
    const item: WorkItem = { kind: 'intent', id: propagation.id, at: clock.now(), payload }
    await store.workIndex.put([item])
    return {
      settle: async () => {
        try {
          await store.workIndex.remove([item])
        } catch (error) {
          // The sweep does it once more, and finds every mark in place.
          emit({ type: 'fault', where: 'crossing out an intent', error })
        }
      },
    }
  }

  /** Marks everything that the change concerns. Under an intent of the caller's, or one of its own. */
  async carry(change: Announced, signal?: AbortSignal): Promise<Marked> {
    const products = change.products.map((product) => product.text)
    const intent = await this.intend(propagationOf(change), products)
    const marked = await this.mark(change, signal)
    await intent.settle()
    return marked
  }

  async mark(change: Announced, signal?: AbortSignal): Promise<Marked> {
    const { store, clock, dirtied } = this.#deps
    const own = { id: change.id, at: change.at, cause: change.cause, upstream: false } as const
    const named = await markDirty({ entries: store.entries, clock }, change.products, own, signal)
    dirtied(change.products.map((product) => product.text))
    for (const product of named) await this.#request(product)
    const below = {
      ...change,
      nodes: [...change.nodes, ...change.products.map((product) => productNode(product.text))],
    }
    const { marked, keys } = await propagate(this.#deps, below, signal)
    const all = new Set([...named.map((product) => product.text), ...keys])
    return {
      marked: marked + named.filter((product) => !keys.includes(product.text)).length,
      keys: [...all].slice(0, 100),
    }
  }

  /** Carries through what another process left behind. */
  async resume(item: WorkItem, signal?: AbortSignal): Promise<void> {
    const { keys, ...propagation } = JSON.parse(item.payload) as Propagation & { readonly keys: readonly string[] }
    const products = keys.flatMap((key) => {
      try {
        return [this.#deps.registry.parseKey(key)]
      } catch {
        // Its primer is gone, and nobody can ask for it any more.
        return []
      }
    })
    await this.mark({ ...propagation, products }, signal)
    await this.#deps.store.workIndex.remove([item])
  }
}

export interface Intent {
  settle(): Promise<void>
}

function propagationOf({ id, cause, at, nodes }: Announced): Propagation {
  return { id, cause, at, nodes }
}

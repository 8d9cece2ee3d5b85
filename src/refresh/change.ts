import { markedAfter } from '../change/after.ts'
import type { Mark } from '../entry/entry.ts'
import { emit } from '../events.ts'
import type { Marked } from '../kck/kck.ts'
import type { WorkItem } from '../ports/work-index.ts'
import type { Change } from '../primer/definition.ts'
import type { ProductKey } from '../primer/registry.ts'
import { markDirty } from '../update/dirty.ts'
import { type PropagateDeps, type Propagation, propagate, requestRefreshes } from './propagate.ts'
import { productNode } from './recorder.ts'
import { withReadersOfRows } from './tables.ts'

/** A change as it is announced: what changed, and the products it names outright. */
export interface Announced extends Propagation {
  /** Products that are dirty themselves, beside everything below the nodes. */
  readonly products: readonly ProductKey[]
  /** What changed for a product of `products`, by key: for those that `begin` was called for. */
  readonly deltas?: ReadonlyMap<string, Change | null>
}

/**
 * Carries changes through, whatever happens on the way: what is owed is written down first, and crossed out when every
 * mark is placed. A process that dies in between leaves it for the sweep.
 */
export class Changes {
  readonly #deps: PropagateDeps

  constructor(deps: PropagateDeps) {
    this.#deps = deps
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

  /** Says of products that can augment that a change begins, before it can be seen in any source. */
  async begin(
    products: readonly ProductKey[],
    change: Pick<Propagation, 'id' | 'at' | 'cause'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const delta = { of: change.id, phase: 'begin', change: null } as const
    const mark = { ...markOf(change), id: beginOf(change), delta }
    // Also where there is nothing yet: who computes it first may read the source just before this change.
    await markDirty(this.#entries, products, mark, { signal, absent: true })
    this.#deps.dirtied(products.map((product) => product.text))
  }

  async mark(change: Announced, signal?: AbortSignal): Promise<Marked> {
    const named = await this.#markNamed(change, signal)
    this.#deps.dirtied(change.products.map((product) => product.text))
    await requestRefreshes(
      this.#deps,
      named.map((product) => product.text),
      change,
      signal,
    )
    const below = {
      ...change,
      nodes: [...change.nodes, ...change.products.map((product) => productNode(product.text))],
    }
    const { marked, keys } = await propagate(this.#deps, below, signal)
    const all = new Set([...named.map((product) => product.text), ...keys])
    return {
      marked: marked + named.filter((product) => !keys.includes(product.text)).length,
      keys: [...all].slice(0, 100),
      after: markedAfter(change.id),
    }
  }

  get #entries() {
    return { entries: this.#deps.store.entries, clock: this.#deps.clock }
  }

  async #markNamed(change: Announced, signal?: AbortSignal): Promise<readonly ProductKey[]> {
    const { deltas } = change
    const [withDelta, without] = partition(change.products, (product) => deltas?.has(product.text) === true)
    const known = [...(await markDirty(this.#entries, without, markOf(change), { signal }))]
    for (const product of withDelta) {
      const said = deltas?.get(product.text) ?? null
      const delta = { of: change.id, phase: 'end', change: said && JSON.stringify(said) } as const
      known.push(...(await markDirty(this.#entries, [product], { ...markOf(change), delta }, { signal })))
    }
    const there = new Set(known.map((product) => product.text))
    const absent = change.products.filter((product) => !there.has(product.text))
    await this.#forgetBegin(change, absent, signal)
    return known
  }

  /** Of products that nobody has asked for yet: whoever does so now sees the change. */
  async #forgetBegin(
    change: Pick<Propagation, 'id'>,
    absent: readonly ProductKey[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const begun = absent.filter((product) => product.primer.augment !== null)
    const { entries } = this.#deps.store
    await Promise.all(begun.map((product) => entries.unmark(product.text, [beginOf(change)], signal ? { signal } : {})))
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
    const { lineage, workIndex } = this.#deps.store
    // Somebody may have begun to read the table after the intent was written and before the write.
    const nodes = await withReadersOfRows(lineage, propagation.nodes)
    await this.mark({ ...propagation, nodes, products }, signal)
    await workIndex.remove([item])
  }
}

export interface Intent {
  settle(): Promise<void>
}

function markOf({ id, at, cause }: Pick<Propagation, 'id' | 'at' | 'cause'>): Mark {
  return { id, at, cause, upstream: false }
}

const beginOf = ({ id }: Pick<Propagation, 'id'>): string => `${id}:begin`

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

function propagationOf({ id, cause, at, nodes }: Announced): Propagation {
  return { id, cause, at, nodes }
}

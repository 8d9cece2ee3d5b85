import { LRUCache } from 'lru-cache'
import { hash, plainBody } from '../entry/body.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { emit } from '../events.ts'
import type { Answer } from '../fetch/answer.ts'
import { MemoryBody } from '../fetch/fetched-body.ts'
import type { FetchRequest } from '../kck/kck.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { primersNamedBy } from '../update/update.ts'
import { validateBody } from '../updater/body.ts'
import { type OverlayDeps, overlayName, type Shown, type ShownWrite } from './overlays.ts'

export interface OverlaidDeps extends OverlayDeps {
  readonly registry: Registry
  /** Milliseconds for which what is known of a product's waiting writes is used without asking the store. */
  readonly maxAgeMs: number
}

interface Known {
  readonly rev: number
  readonly shown: Shown | null
  /** Milliseconds; when the store was asked. */
  readonly readAt: number
}

interface Made {
  readonly of: Answer
  readonly known: Known
  readonly answer: Answer
}

/** Products of which something is remembered. */
const REMEMBERED = 10_000
/** `max` would take the memory for all of them at once. */
const one = () => 1
const MADE_BYTES = 32 * 1024 * 1024

/** Shows readers what waiting writes will make of products: applied to what is read, never to what is stored. */
export class Overlaid {
  readonly #deps: OverlaidDeps
  readonly #primers: ReadonlySet<string>
  readonly #known = new LRUCache<string, Known>({ maxSize: REMEMBERED, sizeCalculation: one })
  /** Counts changes by this process, and the count at which each product was changed last. */
  #changes = 0
  readonly #changed = new LRUCache<string, number>({ maxSize: REMEMBERED, sizeCalculation: one })
  readonly #made = new LRUCache<string, Made>({
    maxSize: MADE_BYTES,
    sizeCalculation: ({ answer }) => answer.body.size + answer.body.length + 1_024,
  })

  constructor(deps: OverlaidDeps) {
    this.#deps = deps
    const showing = [...deps.registry.updaters.values()].filter((updater) => updater.overlay !== null)
    this.#primers = new Set(showing.flatMap((updater) => primersNamedBy(deps.registry, updater)))
  }

  /** Whether a write can ever be shown on it. */
  concerns(primer: string): boolean {
    return this.#primers.has(primer)
  }

  /** This process has changed it. */
  forget(key: string): void {
    this.#changes += 1
    this.#changed.set(key, this.#changes)
    this.#known.delete(key)
  }

  /**
   * What a read of these products has to show. To be asked before the product itself is read: what has been in the list
   * stays there until every value that may still be read has it.
   */
  async lists(products: readonly ProductKey[], request: FetchRequest): Promise<ReadonlyMap<string, Known>> {
    const concerned = products.filter(({ primer }) => this.#primers.has(primer.name))
    if (concerned.length === 0) return NONE
    const exactly = request.noCache === true || request.after !== undefined || request.maxAgeMs !== undefined
    const lists = await Promise.all(concerned.map(({ text }) => this.#list(text, exactly)))
    return new Map(concerned.map(({ text }, index) => [text, lists[index] as Known]))
  }

  /** The answer with the writes that it does not have yet. */
  async apply(product: ProductKey, answer: Answer, lists: ReadonlyMap<string, Known>): Promise<Answer> {
    const known = lists.get(product.text)
    if (!known?.shown) return answer
    const before = this.#made.get(product.text)
    if (before && isSame(before, answer, known)) return { ...answer, ...shownOf(before.answer) }
    const writes = known.shown.writes.filter(({ landed }) => !landed || answer.value.builtEpoch < landed.epoch)
    const modified = Math.max(answer.modified, known.shown.changedAt)
    const made = writes.length === 0 ? { ...answer, modified } : await this.#make(product, answer, { writes, modified })
    this.#made.set(product.text, { of: answer, known, answer: made })
    return { ...answer, ...shownOf(made) }
  }

  /** The same at once, as far as it can be said without a promise; null: ask. */
  applyNow(key: string, answer: Answer): Answer | null {
    const known = this.#known.get(key)
    if (!known || this.#deps.clock.now() - known.readAt >= this.#deps.maxAgeMs) return null
    if (!known.shown) return answer
    const before = this.#made.get(key)
    return before && isSame(before, answer, known) ? { ...answer, ...shownOf(before.answer) } : null
  }

  async #list(key: string, exactly: boolean): Promise<Known> {
    const { clock, store, maxAgeMs } = this.#deps
    const readAt = clock.now()
    const changes = this.#changes
    const before = this.#known.get(key)
    if (before && !exactly && readAt - before.readAt < maxAgeMs) return before
    try {
      const register = await store.registers.get(overlayName(key))
      const known =
        before && before.rev === register?.rev
          ? { ...before, readAt }
          : { rev: register?.rev ?? 0, shown: register ? (JSON.parse(register.text) as Shown) : null, readAt }
      // What was being read while this process changed it may be older than that.
      if ((this.#changed.get(key) ?? 0) <= changes) this.#known.set(key, known)
      return known
    } catch (error) {
      // The value itself may still be had, and what was known is better than nothing.
      emit({ type: 'fault', where: 'reading what waiting writes show', key, error })
      return before ?? { rev: 0, shown: null, readAt }
    }
  }

  async #make(
    product: ProductKey,
    answer: Answer,
    { writes, modified }: { readonly writes: readonly ShownWrite[]; readonly modified: number },
  ): Promise<Answer> {
    let value = await answer.body.value()
    let shown = 0
    for (const write of writes) {
      const next = this.#overlay(product, value, write)
      if (next === undefined) continue
      value = next
      shown += 1
    }
    if (shown === 0) return { ...answer, modified }
    const valueJson = JSON.stringify(value)
    const plain = plainBody({ key: answer.key, valueJson, version: answer.version, modified })
    const contentHash = hash(valueJson)
    const form = { id: '', encoding: 'identity', checksum: '', inline: plain, chunks: 0, chunksExpireAt: null } as const
    return {
      ...answer,
      modified,
      contentHash,
      overlaid: shown,
      body: new MemoryBody({ ...form, length: plain.length }, plain),
    }
  }

  /** Undefined: this product stays as it is. */
  #overlay(product: ProductKey, value: unknown, write: ShownWrite) {
    try {
      const { updater, parameters } = this.#deps.registry.parseUpdaterKey(write.updater)
      const made = updater.overlay?.(structuredClone(value) as never, {
        key: parameters ?? {},
        body: validateBody(updater, write.body),
        at: write.at,
        product: { name: product.primer.name, parameters: product.parameters },
      })
      return made === undefined ? undefined : toJsonForm(made)
    } catch (error) {
      emit({ type: 'fault', where: `overlay of ${write.updater}`, key: product.text, error })
      return undefined
    }
  }
}

const NONE: ReadonlyMap<string, Known> = new Map()

/** What of an answer depends on waiting writes; the rest is as it was read just now. */
function shownOf({ modified, contentHash, overlaid, body }: Answer) {
  return { modified, contentHash, body, ...(overlaid === undefined ? {} : { overlaid }) }
}

function isSame(made: Made, answer: Answer, known: Known): boolean {
  return (
    made.known.rev === known.rev &&
    made.of.value.body.id === answer.value.body.id &&
    made.of.value.builtEpoch === answer.value.builtEpoch
  )
}

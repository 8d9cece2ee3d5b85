import type { EntryRow } from '../entry/entry.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { mutate } from '../entry/mutate.ts'
import { purge, set } from '../entry/transitions.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { ChangeOptions, Marked, SetOptions } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { runAfter, runBefore } from '../primer/hooks.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { Changes } from '../refresh/change.ts'
import { materialize } from '../refresh/materialize.ts'
import { productNode } from '../refresh/recorder.ts'

export interface ByHandDeps {
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly options: KckOptions
  readonly changes: Changes
  /** What this process holds of the key is outdated. */
  readonly outdated: (key: string) => void
}

/** What somebody does to keys by hand: set, invalidate, purge, invalidate tags. */
export class ByHand {
  readonly #deps: ByHandDeps

  constructor(deps: ByHandDeps) {
    this.#deps = deps
  }

  async set(product: ProductKey, value: unknown, request: SetOptions): Promise<{ readonly version: number }> {
    const { primer } = product
    const event = { key: product.text, parameters: product.parameters }
    await runBefore('beforeSet', primer.hooks.beforeSet, event)
    const valueJson = this.#jsonOf(value)
    const operation = this.#deps.entropy.id()
    // What rests on it is marked even when this process dies after the next line.
    const change = this.#change(operation, `set ${product.text}`, [productNode(product.text)])
    const intent = await this.#deps.changes.intend(change, [])
    const written = await this.#publish(product, valueJson, request)
    emit({ type: 'set', key: product.text, version: written.version })
    this.#deps.outdated(product.text)
    // Also when the value is not new: an earlier attempt may have got no further than this line.
    await this.#deps.changes.mark({ ...change, products: [] })
    await intent.settle()
    await runAfter('afterSet', primer.hooks.afterSet, { ...event, version: written.version })
    return { version: written.version }
  }

  async invalidate(product: ProductKey, request: ChangeOptions): Promise<boolean> {
    const id = request.id ?? this.#deps.entropy.id()
    const { row } = await this.#deps.store.entries.get(product.text, { consistency: 'latest' })
    const change = this.#change(id, request.cause ?? 'invalidate', [])
    await this.#deps.changes.carry({ ...change, products: [product] })
    return row !== null
  }

  /** Marks everything stale that depends on one of the tags. */
  async invalidateTags(tags: readonly string[], request: ChangeOptions): Promise<Marked> {
    const id = request.id ?? this.#deps.entropy.id()
    const nodes = tags.map((tag) => `tag/${tag}`)
    const change = this.#change(id, request.cause ?? `tags ${tags.join(', ')}`, nodes)
    return this.#deps.changes.carry({ ...change, products: [] })
  }

  async purge(product: ProductKey, request: ChangeOptions): Promise<boolean> {
    const { clock } = this.#deps
    const { hooks } = product.primer
    const event = { key: product.text, parameters: product.parameters }
    await runBefore('beforePurge', hooks.beforePurge, event)
    const operation = request.id ?? this.#deps.entropy.id()
    const change = this.#change(operation, request.cause ?? `purge ${product.text}`, [productNode(product.text)])
    const intent = await this.#deps.changes.intend(change, [])
    const happened = { at: clock.now(), what: 'purged', cause: change.cause } as const
    const purged = await mutate(this.#mutateDeps, { key: product.text, operation, happened }, (entry) =>
      purge(entry, clock.now()),
    )
    this.#deps.outdated(product.text)
    if (purged.applied) emit({ type: 'purge', key: product.text })
    // Also when there is nothing to purge: an earlier attempt may have got no further than this line.
    await this.#deps.changes.mark({ ...change, products: [] })
    await intent.settle()
    if (!purged.applied) return false
    await runAfter('afterPurge', hooks.afterPurge, event)
    return true
  }

  /** Writes the value; the body names its version, so it is written anew when somebody else publishes in between. */
  async #publish(product: ProductKey, valueJson: string, request: SetOptions): Promise<{ readonly version: number }> {
    const { clock, entropy, store } = this.#deps
    for (;;) {
      const operation = entropy.id()
      const entry = await store.entries.get(product.text, { consistency: 'latest' })
      const made = await this.#materialize(product, entry.row, { valueJson, request, bodyId: operation })
      const ifVersion = request.ifVersion === undefined ? {} : { ifVersion: request.ifVersion }
      const happened = { at: clock.now(), what: 'set', cause: 'by hand', version: made.version } as const
      const change = { key: product.text, operation, known: entry, happened }
      const written = await mutate(this.#mutateDeps, change, (current) =>
        current.row?.lastVersion === entry.row?.lastVersion
          ? set(current, made, clock.now(), ifVersion)
          : { refused: { reason: 'lost' } },
      )
      if (written.applied) return { version: made.version }
      if (made.body.id === operation) await store.entries.deleteChunks(product.text, operation, made.body.chunks)
      if (written.refused.reason === 'version') throw conflict(product.text, written.refused.version)
    }
  }

  #materialize(
    product: ProductKey,
    row: EntryRow | null,
    to: { readonly valueJson: string; readonly request: SetOptions; readonly bodyId: string },
  ) {
    const { clock, options, store } = this.#deps
    const { primer } = product
    const now = clock.now()
    return materialize(
      { entries: store.entries, compression: options.compression },
      row,
      {
        key: product.text,
        valueJson: to.valueJson,
        asOf: now,
        softTtlMs: to.request.softTtlMs ?? primer.softTtlMs,
        hardTtlMs: to.request.hardTtlMs ?? primer.hardTtlMs,
        primerRevision: primer.revision,
        // What the primer read still makes this value stale when it changes.
        inputs: row?.value?.inputs ?? [],
        ancestors: row?.value?.ancestors ?? [],
        costMs: row?.value?.costMs ?? 0,
        bodyId: to.bodyId,
      },
      now,
    )
  }

  #jsonOf(value: unknown): string {
    const { maxValueBytes } = this.#deps.options
    const json = JSON.stringify(toJsonForm(value))
    if (Buffer.byteLength(json) <= maxValueBytes) return json
    throw new KckError('UNSTORABLE', `The value is larger than ${maxValueBytes} bytes`)
  }

  #change(id: string, cause: string, nodes: readonly string[]) {
    return { id, cause, at: this.#deps.clock.now(), nodes }
  }

  get #mutateDeps() {
    return { entries: this.#deps.store.entries, clock: this.#deps.clock, entropy: this.#deps.entropy }
  }
}

function conflict(key: string, version: number): KckError {
  return new KckError('CONFLICT', `${key} is at version ${version}`, { details: { version } })
}

import type { EntryRow } from '../entry/entry.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { mutate } from '../entry/mutate.ts'
import { purge, set } from '../entry/transitions.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { NearCache } from '../fetch/near-cache.ts'
import type { ChangeOptions, SetOptions } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { runAfter, runBefore } from '../primer/hooks.ts'
import type { ProductKey } from '../primer/registry.ts'
import { materialize } from '../refresh/materialize.ts'
import type { Committed } from '../refresh/refresh.ts'
import type { RefreshRequests } from '../refresh/requests.ts'
import { markDirty } from './dirty.ts'

export interface ChangeDeps {
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly options: KckOptions
  readonly near: NearCache
  readonly requests: RefreshRequests
  readonly committed: (product: ProductKey, outcome: Committed) => Promise<void>
}

/** What somebody does to a key by hand: set, invalidate, purge. */
export class Changes {
  readonly #deps: ChangeDeps

  constructor(deps: ChangeDeps) {
    this.#deps = deps
  }

  async set(product: ProductKey, value: unknown, request: SetOptions): Promise<{ readonly version: number }> {
    const { clock, entropy, options, store } = this.#deps
    const { primer } = product
    const event = { key: product.text, parameters: product.parameters }
    await runBefore('beforeSet', primer.hooks.beforeSet, event)
    const valueJson = JSON.stringify(toJsonForm(value))
    if (Buffer.byteLength(valueJson) > options.maxValueBytes) {
      throw new KckError('UNSTORABLE', `The value is larger than ${options.maxValueBytes} bytes`)
    }
    // The body names its version, so it is written anew when somebody else publishes in between.
    for (;;) {
      const operation = entropy.id()
      const entry = await store.entries.get(product.text, { consistency: 'latest' })
      const now = clock.now()
      const made = await materialize(
        { entries: store.entries, compression: options.compression },
        entry.row,
        {
          key: product.text,
          valueJson,
          asOf: now,
          softTtlMs: request.softTtlMs ?? primer.softTtlMs,
          hardTtlMs: request.hardTtlMs ?? primer.hardTtlMs,
          primerRevision: primer.revision,
          inputs: [],
          ancestors: [],
          costMs: 0,
          bodyId: operation,
        },
        now,
      )
      const written = await mutate(
        { entries: store.entries, clock, entropy },
        { key: product.text, operation, known: entry },
        (current) => {
          if (lastVersion(current.row) !== lastVersion(entry.row)) return { refused: { reason: 'lost' } }
          return set(
            current,
            made,
            clock.now(),
            request.ifVersion === undefined ? {} : { ifVersion: request.ifVersion },
          )
        },
      )
      if (written.applied) {
        const row = written.row
        const published = { ...made, builtEpoch: row.epoch }
        emit({ type: 'set', key: product.text, version: made.version })
        await this.#deps.committed(product, { before: entry.row?.value ?? null, row, value: row.value ?? published })
        await runAfter('afterSet', primer.hooks.afterSet, { ...event, version: made.version })
        return { version: made.version }
      }
      if (made.body.chunks > 0 && made.body.id === operation) {
        await store.entries.deleteChunks(product.text, operation, made.body.chunks)
      }
      if (written.refused.reason === 'version') {
        throw new KckError('CONFLICT', `${product.text} is at version ${written.refused.version}`, {
          details: { version: written.refused.version },
        })
      }
    }
  }

  async invalidate(product: ProductKey, request: ChangeOptions): Promise<boolean> {
    const { clock, entropy, near, requests, store } = this.#deps
    const cause = request.cause ?? 'invalidate'
    const mark = { id: request.id ?? entropy.id(), at: clock.now(), cause, upstream: false }
    const marked = await markDirty({ entries: store.entries, clock }, [product], mark)
    near.delete(product.text)
    requests.forget(product.text)
    if (marked.length === 0) return false
    await requests.request(product, { cause: 'change', lane: 'normal' })
    return true
  }

  async purge(product: ProductKey, request: ChangeOptions): Promise<boolean> {
    const { clock, entropy, near, requests, store } = this.#deps
    const { hooks } = product.primer
    const event = { key: product.text, parameters: product.parameters }
    await runBefore('beforePurge', hooks.beforePurge, event)
    const operation = request.id ?? entropy.id()
    const purged = await mutate({ entries: store.entries, clock, entropy }, { key: product.text, operation }, (entry) =>
      purge(entry, clock.now()),
    )
    near.delete(product.text)
    requests.forget(product.text)
    if (!purged.applied) return false
    emit({ type: 'purge', key: product.text })
    await runAfter('afterPurge', hooks.afterPurge, event)
    return true
  }
}

function lastVersion(row: EntryRow | null): number {
  return row?.lastVersion ?? 0
}

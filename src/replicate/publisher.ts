import { joinBody } from '../entry/body.ts'
import type { StoredEntry } from '../entry/entry.ts'
import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { WorkIndex, WorkItem } from '../ports/work-index.ts'
import { encodeReplicated } from './record.ts'

export interface PublisherDeps {
  /** The store's own, not those that publish. */
  readonly entries: EntryStore
  readonly workIndex: WorkIndex
  readonly clock: Clock
  readonly entropy: Entropy
  readonly isReplicated: (key: string) => boolean
  readonly replica: WritableReplica
}

/** What publishing needs of a replica. */
export interface WritableReplica {
  /** What this machine has of the key; null: nothing; undefined: nobody knows. */
  record(key: string): Uint8Array | null | undefined
  /** Null: deleted. Resolves when the log has them and this machine shows them. */
  write(records: ReadonlyMap<string, Uint8Array | null>): Promise<void>
}

/** An update of the log holds 1 MiB; larger bodies stay in the store. */
const MOST_BYTES = 1_000_000
/** Entries whose bodies are in memory at once. */
const PAGE = 50

/**
 * Carries entries into the log of replicas. What is owed is written down before the store is changed, so a process that
 * dies between the two leaves it for the sweep.
 *
 * Publishers do not wait for each other, and the log may get an older state after a newer one. So each looks into the
 * store again after it wrote, until that says what it wrote: the last one to write a key wrote what the store says.
 */
export class Publisher {
  readonly #deps: PublisherDeps

  constructor(deps: PublisherDeps) {
    this.#deps = deps
  }

  isReplicated(key: string): boolean {
    return this.#deps.isReplicated(key)
  }

  /** Does `change` to entries of these keys and publishes what came of it. False: nothing was changed. */
  async around<T>(keys: readonly string[], change: () => Promise<T>): Promise<T> {
    const { workIndex, clock, entropy } = this.#deps
    const id = entropy.id()
    const payload: Owed = { id, publish: keys }
    const item: WorkItem = { kind: 'intent', id, at: clock.now(), payload: JSON.stringify(payload) }
    await workIndex.put([item])
    const result = await change()
    try {
      if (result !== false) await this.publish(keys)
      await workIndex.remove([item])
    } catch (error) {
      // The change is made, and its caller need not fail: the sweep publishes it.
      emit({ type: 'fault', where: 'publishing to the replicas', ...(keys[0] ? { key: keys[0] } : {}), error })
    }
    return result
  }

  /** Publishes what a process owed that did not get to it. */
  async resume(item: WorkItem, signal?: AbortSignal): Promise<void> {
    const { publish } = JSON.parse(item.payload) as Owed
    await this.publish(
      publish.filter((key) => this.#deps.isReplicated(key)),
      signal,
    )
    await this.#deps.workIndex.remove([item])
  }

  async publish(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    for (let from = 0; from < keys.length; from += PAGE) await this.#publishPage(keys.slice(from, from + PAGE), signal)
  }

  async #publishPage(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    const { replica } = this.#deps
    let known = (key: string) => replica.record(key)
    for (let open = keys; open.length > 0; ) {
      const changed = await this.#changed(open, known, signal)
      if (changed.size > 0) await replica.write(changed)
      known = (key) => changed.get(key)
      open = [...changed.keys()]
    }
  }

  /** The records, as the store says now, that are others than those known. */
  async #changed(keys: readonly string[], known: (key: string) => Uint8Array | null | undefined, signal?: AbortSignal) {
    const call = signal ? { signal } : {}
    const changed = new Map<string, Uint8Array | null>()
    for (const entry of await this.#deps.entries.getMany(keys, { consistency: 'latest', ...call })) {
      const record = await this.#recordOf(entry, signal)
      if (!isSame(record, known(entry.key))) changed.set(entry.key, record)
    }
    return changed
  }

  async #recordOf(entry: StoredEntry, signal?: AbortSignal): Promise<Uint8Array | null> {
    const body = entry.row?.value?.body
    if (!(entry.row && body)) return null
    const call = signal ? { signal } : {}
    const chunks = body.inline ? null : await this.#deps.entries.getChunks(entry.key, body.id, body.chunks, call)
    const stored = await joinBody(body, chunks)
    const record = stored && encodeReplicated(entry, entry.row, stored)
    return record && record.length <= MOST_BYTES ? record : null
  }
}

interface Owed {
  readonly id: string
  readonly publish: readonly string[]
}

/** Whether an intent of the work index is one of a publisher's. */
export function isOwedToReplicas(item: WorkItem): boolean {
  return item.kind === 'intent' && 'publish' in (JSON.parse(item.payload) as object)
}

function isSame(record: Uint8Array | null, known: Uint8Array | null | undefined): boolean {
  return record && known ? Buffer.compare(record, known) === 0 : record === known
}

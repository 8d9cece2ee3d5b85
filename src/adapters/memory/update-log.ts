import { KckError } from '../../errors.ts'
import type { CallOptions } from '../../ports/entry-store.ts'
import type { LogPage, LogState, LogUpdate, NewUpdate, UpdateLog } from '../../ports/update-log.ts'

interface Stored extends LogUpdate {
  readonly key: string | null
}

/** A log in this process's memory: the reference, and for tests. */
export class MemoryUpdateLog implements UpdateLog {
  readonly #logId: string
  #updates: readonly Stored[] = []
  #head = 0
  #floor = 0

  constructor(logId: string) {
    this.#logId = logId
  }

  async append({ contents, key }: NewUpdate, { signal }: CallOptions = {}): Promise<number> {
    signal?.throwIfAborted()
    const name = key && Buffer.from(key).toString('latin1')
    const kept = this.#updates.filter((update) => name === null || update.key !== name)
    this.#updates = [...kept, { id: ++this.#head, contents: Buffer.from(contents), key: name }]
    return this.#head
  }

  async read(after: number, limit: { readonly bytes: number }, { signal }: CallOptions = {}): Promise<LogPage> {
    signal?.throwIfAborted()
    const updates: Stored[] = []
    let bytes = 0
    for (const update of this.#updates) {
      if (update.id <= after) continue
      bytes += update.contents.length
      if (updates.length > 0 && bytes > limit.bytes) return this.#page(updates, updates.at(-1)?.id ?? after)
      updates.push(update)
    }
    return this.#page(updates, Math.max(after, this.#head))
  }

  async state({ signal }: CallOptions = {}): Promise<LogState> {
    signal?.throwIfAborted()
    return { logId: this.#logId, head: this.#head, floor: this.#floor }
  }

  async raiseFloor(id: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    this.#floor = Math.max(this.#floor, Math.min(id, this.#head))
  }

  async remove(id: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (id > this.#floor) throw aboveFloor()
    this.#updates = this.#updates.filter((update) => update.id > id)
  }

  async createSchema(): Promise<void> {
    // There is nothing to create.
  }

  async close(): Promise<void> {
    // Others may still use it.
  }

  #page(updates: readonly Stored[], through: number): LogPage {
    const copies = updates.map(({ id, contents }) => ({ id, contents }))
    return { logId: this.#logId, head: this.#head, floor: this.#floor, updates: copies, through }
  }
}

function aboveFloor(): KckError {
  return new KckError('BAD_REQUEST', 'Updates above the floor of the log cannot be removed: raise the floor first')
}

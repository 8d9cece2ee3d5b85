import { emit } from '../events.ts'
import type { ProductReplica } from '../fetch/product-replica.ts'
import type { Replica } from '../replica/replica.ts'
import type { WritableReplica } from './publisher.ts'
import { decodeReplicated, type Replicated } from './record.ts'

/** A replica as the flows read it and the publisher writes it. */
export class WrittenReplica implements ProductReplica, WritableReplica {
  readonly #replica: Replica<Replicated>
  readonly #isReplicated: (key: string) => boolean

  constructor(replica: Replica<Replicated>, isReplicated: (key: string) => boolean) {
    this.#replica = replica
    this.#isReplicated = isReplicated
  }

  get currentAt(): number | null {
    return this.#replica.currentAt
  }

  get(key: string): Replicated | undefined {
    if (!this.#isReplicated(key)) return undefined
    try {
      return this.#replica.get(key)
    } catch (error) {
      // The store has it.
      emit({ type: 'fault', where: 'reading the replica', key, error })
      return undefined
    }
  }

  record(key: string): Uint8Array | null | undefined {
    try {
      return this.#replica.getBytes(key) ?? null
    } catch {
      return undefined
    }
  }

  async write(records: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    const made: [string, Replicated][] = []
    const gone: string[] = []
    for (const [key, record] of records) {
      if (record) made.push([key, decodeReplicated(record)])
      else gone.push(key)
    }
    if (made.length > 0) await this.#replica.setMany(made)
    if (gone.length > 0) await this.#replica.deleteMany(gone)
  }
}

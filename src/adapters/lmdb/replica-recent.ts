import type { Item } from '../../ports/replica-state.ts'
import type { Table } from './environment.ts'
import { sortable } from './keys.ts'
import { seal, unseal } from './record.ts'

/** Changes that are remembered, and the most keys of one. */
const REMEMBERED = 512
const MOST_KEYS = 1024

/**
 * Which keys the last changes touched, by version, so that a process need not forget everything it has decoded. A
 * record is a list of keys, each with its length before it; of a large change there is none.
 */
export class RecentChanges {
  readonly #table: Table

  constructor(table: Table) {
    this.#table = table
  }

  /** Inside a transaction. */
  note(version: number, items: readonly Item[]): void {
    const place = sortable(version)
    if (items.length <= MOST_KEYS) this.#table.putSync(place, seal(place, null, [joined(items)]))
    this.#table.removeSync(sortable(version - REMEMBERED))
  }

  /** Null: not all are remembered. */
  between(after: number, upTo: number): readonly Buffer[] | null {
    if (after > upTo || upTo - after > REMEMBERED) return null
    const keys: Buffer[] = []
    for (let version = after + 1; version <= upTo; version++) {
      const place = sortable(version)
      const record = this.#table.getBinary(place)
      const content = record && unseal(place, record)
      if (!content || typeof content === 'string') return null
      collect(content.payload, keys)
    }
    return keys
  }
}

function joined(items: readonly Item[]): Buffer {
  const bytes = Buffer.allocUnsafe(items.reduce((sum, { key }) => sum + 2 + key.length, 0))
  let position = 0
  for (const { key } of items) {
    position = bytes.writeUInt16LE(key.length, position)
    bytes.set(key, position)
    position += key.length
  }
  return bytes
}

function collect(bytes: Buffer, keys: Buffer[]): void {
  for (let position = 0; position < bytes.length; ) {
    const start = position + 2
    position = start + bytes.readUInt16LE(position)
    keys.push(bytes.subarray(start, position))
  }
}

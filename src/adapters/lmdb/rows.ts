import type { EntryRow } from '../../entry/entry.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Environment } from './environment.ts'
import { type RecordContent, readRecord, seal } from './record.ts'
import { decodeRow, encodeRow, revOf } from './row-codec.ts'

/** Table `rows`, by key. */
export class Rows {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #table

  constructor(environment: Environment, clock: Clock) {
    this.#environment = environment
    this.#clock = clock
    this.#table = environment.table('rows')
  }

  /** To be called inside a read. */
  of(key: string): EntryRow | null {
    const { record } = this.#read(key, Buffer.from(key))
    return record && decodeRow(record.payload)
  }

  replace(previous: EntryRow | null, next: EntryRow): Promise<boolean> {
    const place = Buffer.from(next.key)
    const bytes = seal(place, next.removeAt, encodeRow(next))
    return this.#environment.writeSoon({ records: 1, bytes: bytes.length }, () => {
      const { record, isNewer } = this.#read(next.key, place)
      const rev = record && revOf(record.payload)
      if (isNewer || rev !== (previous?.rev ?? null)) return false
      this.#table.putSync(place, bytes)
      return true
    })
  }

  /** A row that cannot be read is reported and counts as absent; one of a newer format must not be overwritten. */
  #read(key: string, place: Buffer): { readonly record: RecordContent | null; readonly isNewer: boolean } {
    const record = readRecord(this.#table, place, this.#clock.now())
    if (typeof record !== 'string') return { record, isNewer: false }
    this.#environment.unreadable('row', key, record)
    return { record: null, isNewer: record === 'newer' }
  }
}

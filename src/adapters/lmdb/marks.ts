import type { Mark } from '../../entry/entry.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Environment } from './environment.ts'
import { after, hashOf, ZERO } from './keys.ts'
import { laterRemoval, readRecord, seal, unseal } from './record.ts'

/** Stands before the place of a mark that cannot be read: it still says that the key is dirty. */
const UNREADABLE = 'unreadable:'

/** Table `marks`: by key, a zero byte (which no key holds), and the hash of the mark's id. To be called inside a read or write. */
export class Marks {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #table

  constructor(environment: Environment, clock: Clock) {
    this.#environment = environment
    this.#clock = clock
    this.#table = environment.table('marks')
  }

  of(key: string): readonly Mark[] {
    const start = Buffer.concat([Buffer.from(key), ZERO])
    const found: Mark[] = []
    for (const { key: place, value } of this.#table.getRange({ start, end: after(start) })) {
      const record = unseal(place, value)
      if (typeof record === 'string') {
        this.#environment.unreadable('mark', key, record)
        const id = UNREADABLE + place.subarray(start.length).toString('hex')
        found.push({ id, at: this.#clock.now(), cause: 'a mark that cannot be read', upstream: false })
      } else if (record.removeAt === null || record.removeAt > this.#clock.now()) {
        found.push(JSON.parse(record.payload.toString()) as Mark)
      }
    }
    return found
  }

  add(key: string, mark: Mark, removeAt: number | null): void {
    const place = markPlace(key, mark.id)
    const until = laterRemoval(removeAt, readRecord(this.#table, place, this.#clock.now()))
    this.#table.putSync(place, seal(place, until, [Buffer.from(JSON.stringify(mark))]))
  }

  remove(key: string, id: string): void {
    this.#table.removeSync(markPlace(key, id))
  }
}

function markPlace(key: string, id: string): Buffer {
  const hash = id.startsWith(UNREADABLE) ? Buffer.from(id.slice(UNREADABLE.length), 'hex') : hashOf(id)
  return Buffer.concat([Buffer.from(key), ZERO, hash])
}

import type { Clock } from '../../ports/clock.ts'
import type { Environment, Table } from './environment.ts'
import { hashOf, ZERO } from './keys.ts'
import { laterRemoval, type RecordContent, readRecord, seal, type Unreadable, unseal } from './record.ts'

/**
 * Tables `bodies` (how many chunks, and when they may go) by key, a zero byte and the hash of the body's id, and
 * `chunks` by the same and the chunk's number.
 */
export class Chunks {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #chunks: Table
  readonly #bodies: Table

  constructor(environment: Environment, clock: Clock) {
    this.#environment = environment
    this.#clock = clock
    this.#chunks = environment.table('chunks', null)
    this.#bodies = environment.table('bodies', (body, record) => this.#delete(body, countOf(unseal(body, record))))
  }

  /** A transaction for each part, so that a long body does not hold up the other processes; `pause` runs in between. */
  async put(body: Body, chunks: readonly Uint8Array[], pause: () => Promise<void>): Promise<void> {
    const place = bodyPlace(body)
    const count = Buffer.alloc(4)
    count.writeUInt32LE(chunks.length)
    this.#environment.write({ records: 1, bytes: place.length }, () => {
      const until = laterRemoval(body.removeAt ?? null, this.#body(place))
      this.#bodies.putSync(place, seal(place, until, [count]))
    })
    for (const [index, chunk] of chunks.entries()) {
      await pause()
      const at = chunkPlace(place, index)
      const record = seal(at, null, [chunk])
      this.#environment.write({ records: 1, bytes: record.length }, () => this.#chunks.putSync(at, record))
    }
  }

  get(body: Body, count: number): readonly Uint8Array[] | null {
    return this.#environment.read(() => {
      const place = bodyPlace(body)
      if (countOf(this.#body(place)) < count) return null
      const chunks: Uint8Array[] = []
      for (let index = 0; index < count; index++) {
        const record = readRecord(this.#chunks, chunkPlace(place, index), this.#clock.now())
        if (typeof record === 'string') this.#environment.unreadable('chunk', body.key, record)
        if (record === null || typeof record === 'string') return null
        chunks.push(record.payload)
      }
      return chunks
    })
  }

  delete(body: Body, count: number): void {
    this.#environment.write(null, () => this.#delete(bodyPlace(body), count))
  }

  #body(place: Buffer): RecordContent | Unreadable | null {
    return readRecord(this.#bodies, place, this.#clock.now())
  }

  #delete(place: Buffer, count: number): void {
    this.#bodies.removeSync(place)
    for (let index = 0; index < count; index++) this.#chunks.removeSync(chunkPlace(place, index))
  }
}

interface Body {
  readonly key: string
  readonly bodyId: string
  readonly removeAt?: number | null
}

function countOf(body: RecordContent | Unreadable | null): number {
  return body === null || typeof body === 'string' ? 0 : body.payload.readUInt32LE()
}

function bodyPlace({ key, bodyId }: Body): Buffer {
  return Buffer.concat([Buffer.from(key), ZERO, hashOf(bodyId)])
}

function chunkPlace(body: Buffer, index: number): Buffer {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(index)
  return Buffer.concat([body, number])
}

import type { Clock, Entropy } from '../../ports/clock.ts'
import type { Delivery, Lane, RefreshQueue, RefreshRequest } from '../../ports/refresh-queue.ts'
import { type Environment, type EnvironmentOptions, openEnvironment, type Table } from './environment.ts'
import { after, sortable } from './keys.ts'
import { type RecordContent, seal, unseal } from './record.ts'

export interface LmdbRefreshQueueOptions extends EnvironmentOptions {
  readonly entropy: Entropy
}

/** Milliseconds between two looks for new requests, which may come from other processes. */
const POLL_MS = 50
const SENDS_PER_WRITE = 500
const LANES: readonly Lane[] = ['hot', 'normal', 'idle']

/**
 * A queue in the folder of a store, shared by any number of the machine's processes; a request that is sent survives
 * their death. Table `queue`: by lane, the time from which a request is visible, and its id and attempt, which makes
 * the key of a delivery its receipt: whoever still finds it there holds the request.
 */
export function createLmdbRefreshQueue(options: LmdbRefreshQueueOptions): RefreshQueue {
  const environment = openEnvironment(options)
  const queue = new Queue(environment, options.clock, options.entropy)
  let closed = false
  return {
    async send(lane, requests, { delayMs = 0, signal } = {}) {
      signal?.throwIfAborted()
      queue.send(lane, requests, delayMs)
    },
    async receive(lane, max, { waitMs, visibilityMs, signal }) {
      const until = options.clock.now() + waitMs
      while (!closed) {
        signal?.throwIfAborted()
        const deliveries = queue.take(lane, max, visibilityMs)
        const left = until - options.clock.now()
        if (deliveries.length > 0 || left <= 0) return deliveries
        await options.clock.sleep(Math.min(POLL_MS, left), signal)
      }
      return []
    },
    depth: async () => queue.depth(),
    async close() {
      if (closed) return
      closed = true
      await environment.close()
    },
  }
}

class Queue {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #entropy: Entropy
  readonly #table: Table

  constructor(environment: Environment, clock: Clock, entropy: Entropy) {
    this.#environment = environment
    this.#clock = clock
    this.#entropy = entropy
    this.#table = environment.table('queue', null)
  }

  send(lane: Lane, requests: readonly RefreshRequest[], delayMs: number): void {
    for (let from = 0; from < requests.length; from += SENDS_PER_WRITE) {
      const records = requests.slice(from, from + SENDS_PER_WRITE).map((request) => {
        const place = placeOf(lane, { visibleAt: this.#clock.now() + delayMs, id: this.#entropy.id(), attempt: 0 })
        return { place, record: seal(place, null, [Buffer.from(JSON.stringify(request))]) }
      })
      const bytes = records.reduce((sum, { place, record }) => sum + place.length + record.length, 0)
      this.#environment.write({ records: records.length, bytes }, () => {
        for (const { place, record } of records) this.#table.putSync(place, record)
      })
    }
  }

  /** The due requests that became due first, hidden from everybody else for `visibilityMs`. */
  take(lane: Lane, max: number, visibilityMs: number): Delivery[] {
    const now = this.#clock.now()
    const start = laneOf(lane)
    const range = { start, end: after(Buffer.concat([start, sortable(now)])), limit: max }
    // A look first: an idle receiver must not take the lock of the writers.
    const [due] = this.#environment.read(() => [...this.#table.getKeys({ ...range, limit: 1 })])
    if (!due) return []
    return this.#environment.write(null, () =>
      [...this.#table.getRange(range)].flatMap(({ key, value }) => {
        const record = unseal(key, value)
        if (typeof record === 'string') {
          // Only a hint is lost: the sweep finds what is owed.
          this.#environment.unreadable('refresh request', key.toString('hex'), record)
          this.#table.removeSync(key)
          return []
        }
        const held = this.#move(key, record, { visibleAt: now + visibilityMs, attempts: 1 })
        return this.#deliver(lane, held, record)
      }),
    )
  }

  depth(): Record<Lane, number> {
    const count = (lane: Lane) => this.#table.getKeysCount({ start: laneOf(lane), end: after(laneOf(lane)) })
    const [hot, normal, idle] = this.#environment.read(() => LANES.map(count))
    return { hot: hot ?? 0, normal: normal ?? 0, idle: idle ?? 0 }
  }

  #deliver(lane: Lane, place: Buffer, record: RecordContent): Delivery {
    let held: Buffer | null = place
    const showAgain = async (ms: number) => {
      const visibleAt = this.#clock.now() + ms
      held = this.#environment.write(null, () =>
        held && this.#table.getBinary(held) ? this.#move(held, record, { visibleAt, attempts: 0 }) : null,
      )
    }
    return {
      request: JSON.parse(record.payload.toString()) as RefreshRequest,
      lane,
      attempt: place.readUInt32BE(place.length - 4),
      ack: async () => {
        await this.#environment.writeSoon(null, () => held && this.#table.removeSync(held))
        held = null
      },
      nack: showAgain,
      extend: showAgain,
    }
  }

  #move(from: Buffer, { payload }: RecordContent, to: { visibleAt: number; attempts: number }): Buffer {
    const id = from.toString('latin1', 9, from.length - 4)
    const attempt = from.readUInt32BE(from.length - 4) + to.attempts
    const place = placeOf(LANES[from[0] ?? 0] ?? 'idle', { visibleAt: to.visibleAt, id, attempt })
    this.#table.removeSync(from)
    this.#table.putSync(place, seal(place, null, [payload]))
    return place
  }
}

function laneOf(lane: Lane): Buffer {
  return Buffer.from([LANES.indexOf(lane)])
}

function placeOf(lane: Lane, message: { visibleAt: number; id: string; attempt: number }): Buffer {
  const attempt = Buffer.alloc(4)
  attempt.writeUInt32BE(message.attempt)
  return Buffer.concat([laneOf(lane), sortable(message.visibleAt), Buffer.from(message.id, 'latin1'), attempt])
}

import type { Lane } from '../../../src/ports/refresh-queue.ts'
import { Backlog, type Waiting } from '../../../src/refresh/backlog.ts'
import { type Candidate, choose, LANES } from '../../../src/refresh/choose.ts'
import { Demand } from '../../../src/refresh/demand.ts'
import { AT_ONCE, LOOK_AT_ONCE, LOOK_EVERY_MS, leastHeld, mostHeld } from '../../../src/refresh/worker.ts'
import { Fifo } from './fifo.ts'
import type { Order, World } from './simulate.ts'

interface Message {
  readonly key: number
  readonly askedAt: number
  readonly cause: string
}

const WORKERS = 4
/** Of the 32 computes at a time. */
const CONCURRENCY = 8
/** Processes that serve readers, and count what they read. */
const READERS = 4
const ASK_AGAIN_S = 30
/** After a lull there is no use in more looks, one after the other. */
const MOST_LOOKS = 20

/** Of the entry's row, what a request leaves there. */
interface Requested {
  readonly rank: number
  readonly demand: number
  readonly at: number
}

/**
 * KCK: three lanes in which requests wait in order, and workers that hold some of each and choose among these, with the
 * backlog, the choice and the counts of KCK itself.
 */
export class LanesOrder implements Order {
  readonly #world: World
  readonly #lanes: Record<Lane, Fifo<Message>> = { hot: new Fifo(), normal: new Fifo(), idle: new Fifo() }
  readonly #workers = Array.from({ length: WORKERS }, () => ({ backlog: new Backlog<Message>(), lookedAt: 0 }))
  readonly #readers = Array.from({ length: READERS }, () => new Demand())
  readonly #requested = new Map<number, Requested>()
  readonly #versions: Uint32Array
  #worker = 0
  #reader = 0

  constructor(world: World) {
    this.#world = world
    this.#versions = new Uint32Array(world.trace.costS.length)
  }

  stale(key: number, cause: string, now: number): void {
    this.#send(cause === 'schedule' ? 'idle' : 'normal', { key, askedAt: now * 1_000, cause })
  }

  read(key: number, now: number): void {
    this.#reader = (this.#reader + 1) % READERS
    const reader = this.#readers[this.#reader] as Demand
    const reads = reader.read(String(key), String(this.#versions[key]), now * 1_000)
    if (reads === null) return
    const asked = this.#requested.get(key)
    const demand = (asked?.demand ?? 0) + reads
    const message = { key, askedAt: now * 1_000, cause: 'stale-read' }
    const { lane } = choose({ ...this.#look(message), demand }, now * 1_000)
    const rank = LANES.indexOf(lane as Lane)
    const isNews = !asked || rank < asked.rank || now - asked.at >= ASK_AGAIN_S
    this.#requested.set(key, isNews ? { rank, demand, at: now } : { ...asked, demand })
    if (isNews) this.#send(lane as Lane, message)
  }

  fresh(key: number): void {
    this.#versions[key] = (this.#versions[key] as number) + 1
    this.#requested.delete(key)
  }

  next(now: number): number {
    // The slot that became free belongs to any of the workers, which are alike.
    for (let tried = 0; tried < WORKERS; tried++) {
      this.#worker = (this.#worker + 1) % WORKERS
      const worker = this.#workers[this.#worker] as { backlog: Backlog<Message>; lookedAt: number }
      this.#receive(worker.backlog, now)
      this.#lookFurther(worker, now)
      for (let message = worker.backlog.take(now * 1_000); message; message = worker.backlog.take(now * 1_000)) {
        if (this.#world.due(message.key)) return message.key
        this.#receive(worker.backlog, now)
      }
    }
    return -1
  }

  #send(lane: Lane, message: Message): void {
    this.#lanes[lane].push(message)
  }

  #receive(backlog: Backlog<Message>, now: number): void {
    for (const lane of LANES) {
      if (backlog.countFrom(lane) > leastHeld(CONCURRENCY)) continue
      for (const waiting of this.#take(backlog, lane, AT_ONCE)) this.#lookAt(waiting, now)
    }
  }

  /** What the worker has looked at in the time since the last slot became free. */
  #lookFurther(worker: { readonly backlog: Backlog<Message>; lookedAt: number }, now: number): void {
    const { backlog } = worker
    const times = Math.min(MOST_LOOKS, Math.floor(((now - worker.lookedAt) * 1_000) / LOOK_EVERY_MS))
    if (times === 0) return
    worker.lookedAt = now
    for (let time = 0; time < times; time++) this.#lookOnce(backlog, now)
  }

  #lookOnce(backlog: Backlog<Message>, now: number): void {
    const lanes = LANES.filter((lane) => this.#lanes[lane].size > 0)
    for (const lane of lanes) this.#take(backlog, lane, Math.ceil(LOOK_AT_ONCE / lanes.length))
    for (const waiting of backlog.all()) this.#lookAt(waiting, now)
    for (const { item, lane } of backlog.shed(mostHeld(CONCURRENCY), now * 1_000)) this.#send(lane, item)
  }

  #take(backlog: Backlog<Message>, lane: Lane, most: number): readonly Waiting<Message>[] {
    const taken: Waiting<Message>[] = []
    while (taken.length < most) {
      const message = this.#lanes[lane].shift()
      if (!message) break
      taken.push({ item: message, from: lane, lane, candidate: unknown(message) })
    }
    for (const waiting of taken) backlog.add(waiting)
    return taken
  }

  #lookAt(waiting: Waiting<Message>, now: number): void {
    waiting.candidate = this.#look(waiting.item)
    waiting.lane = this.#world.due(waiting.item.key) ? (choose(waiting.candidate, now * 1_000).lane ?? 'idle') : 'hot'
  }

  /** What the entry says. */
  #look(message: Message): Candidate {
    const { trace, staleSince } = this.#world
    const { key } = message
    return {
      ...unknown(message),
      staleSince: (staleSince[key] as number) * 1_000,
      demand: this.#requested.get(key)?.demand ?? 0,
      softTtlMs: (trace.softTtlS[key] as number) * 1_000,
      costMs: (trace.costS[key] as number) * 1_000,
    }
  }
}

function unknown({ cause, askedAt }: Message): Candidate {
  return { cause, askedAt, staleSince: null, demand: 0, softTtlMs: null, costMs: null, idle: false }
}

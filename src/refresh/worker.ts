import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery, Lane, RefreshQueue, RefreshRequest } from '../ports/refresh-queue.ts'
import { Backlog, type Waiting } from './backlog.ts'
import { choose, LANES } from './choose.ts'
import { drop, type Held, handBack, handle, hold } from './handle.ts'
import type { Look } from './look.ts'

export interface WorkerDeps {
  readonly queue: RefreshQueue
  readonly work: Work
  readonly clock: Clock
}

export interface WorkerOptions {
  /** Refreshes at once. @default 4 */
  readonly concurrency?: number
  /** Milliseconds for which nobody else gets a message that this worker holds; renewed while it does. @default 30_000 */
  readonly visibilityMs?: number
  /** Milliseconds to wait for a message before asking again. @default 10_000 */
  readonly waitMs?: number
}

/** Deliveries that are asked for at once: no queue gives more, and one at a time costs a call each. */
export const AT_ONCE = 10
/** Of a lane it asks for more when it holds no more than this beyond those being worked on: few enough not to hoard. */
const LEAST_HELD = 5
/** While there is more to do than the worker can: how often, and at how many more deliveries, it looks; what it keeps. */
export const LOOK_EVERY_MS = 1_000
export const LOOK_AT_ONCE = 20
const MOST_HELD = 30
const AFTER_FAULT_MS = 1_000

/**
 * Takes refresh requests from the lanes and works on `concurrency` of them at a time, in the order of its backlog. While
 * all are busy and lanes are long it looks further: it keeps what is worth most and puts the rest into the lanes where
 * that belongs now. Ends when the signal aborts: what it works on is finished, what it only holds goes back.
 */
export class RefreshWorker {
  readonly #deps: WorkerDeps
  readonly #options: Required<WorkerOptions>
  readonly #backlog = new Backlog<Held>()
  /** What is done, and not acknowledged or handed back yet. */
  readonly #settling = new Set<Promise<void>>()
  #busy = 0
  #changed: () => void = () => undefined
  #change = Promise.resolve()

  constructor(deps: WorkerDeps, options: WorkerOptions = {}) {
    this.#deps = deps
    this.#options = { concurrency: 4, visibilityMs: 30_000, waitMs: 10_000, ...options }
    this.#nextChange()
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#nextChange()
    signal.addEventListener('abort', onAbort, { once: true })
    const workers = Array.from({ length: this.#options.concurrency }, () => this.#work(signal))
    await Promise.all([...LANES.map((lane) => this.#receive(lane, signal)), this.#lookAround(signal), ...workers])
    await Promise.all([...this.#settling, ...this.#backlog.clear().map(handBack)])
    signal.removeEventListener('abort', onAbort)
  }

  async #receive(lane: Lane, signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.#deps
    const { waitMs, visibilityMs } = this.#options
    while (!signal.aborted) {
      if (this.#backlog.countFrom(lane) > leastHeld(this.#options.concurrency)) {
        await this.#change
        continue
      }
      try {
        const deliveries = await queue.receive(lane, AT_ONCE, { waitMs, visibilityMs, signal })
        if (deliveries.length === 0) continue
        const taken = deliveries.map((delivery) => this.#take(delivery))
        // They have to wait anyway.
        if (this.#isBusy()) await this.#judge(taken, signal)
        this.#nextChange()
      } catch (error) {
        if (signal.aborted) return
        emit({ type: 'fault', where: `receiving from the ${lane} lane`, error })
        await clock.sleep(AFTER_FAULT_MS, signal).catch(() => undefined)
      }
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const held = this.#next()
      if (!held) {
        await this.#change
        continue
      }
      this.#busy += 1
      const { settled } = await handle(this.#deps.work, held, signal)
      this.#busy -= 1
      this.#settling.add(settled)
      void settled.then(() => this.#settling.delete(settled))
    }
  }

  #next(): Held | undefined {
    const held = this.#backlog.take(this.#deps.clock.now())
    if (held) this.#nextChange()
    return held
  }

  #take(delivery: Delivery): Waiting<Held> {
    const { request, lane } = delivery
    const { key, cause, at } = request
    emit({ type: 'queue', action: 'received', key, lane, cause, lagMs: this.#deps.clock.now() - at })
    const held = hold(this.#deps.clock, delivery, this.#options.visibilityMs)
    const waiting = { item: held, from: lane, lane, candidate: unknown(request) }
    this.#backlog.add(waiting)
    return waiting
  }

  async #lookAround(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    while (!signal.aborted) {
      if (this.#longLanes().length === 0) {
        await this.#change
        continue
      }
      try {
        await clock.sleep(LOOK_EVERY_MS, signal)
        await this.#look(this.#longLanes(), signal)
      } catch (error) {
        if (signal.aborted) return
        emit({ type: 'fault', where: 'looking at refresh requests', error })
      }
    }
  }

  /** The lanes that may hold more than this worker has taken, while it has its hands full. */
  #longLanes(): readonly Lane[] {
    if (!this.#isBusy()) return []
    return LANES.filter((lane) => this.#backlog.countFrom(lane) >= LEAST_HELD)
  }

  async #look(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.#deps
    const { visibilityMs } = this.#options
    for (const lane of lanes) {
      const max = Math.ceil(LOOK_AT_ONCE / lanes.length)
      const deliveries = await queue.receive(lane, max, { waitMs: 0, visibilityMs, signal })
      for (const delivery of deliveries) this.#take(delivery)
    }
    await this.#judge(this.#backlog.all(), signal)
    const shed = this.#backlog.shed(mostHeld(this.#options.concurrency), clock.now())
    await Promise.all(shed.map((one) => this.#putBack(one)))
    this.#nextChange()
  }

  /** Learns what the entries say of those that wait. */
  async #judge(waiting: readonly Waiting<Held>[], signal: AbortSignal): Promise<void> {
    const { work, clock } = this.#deps
    const requests = waiting.map(({ item }) => item.delivery.request)
    const found = await work.look(requests, signal)
    for (const [index, one] of waiting.entries()) {
      const { candidate, seen } = found[index] as Look
      one.item.seen = seen
      if (candidate) one.candidate = candidate
      // Where nothing seems to be left to do, that is soon found out for sure.
      one.lane = candidate ? (choose(candidate, clock.now()).lane ?? 'idle') : 'hot'
    }
  }

  #isBusy(): boolean {
    return this.#busy >= this.#options.concurrency
  }

  /** Into the lane where it belongs now: a message cannot move. */
  async #putBack({ item, lane }: Waiting<Held>): Promise<void> {
    try {
      await this.#deps.queue.send(lane, [item.delivery.request])
    } catch (error) {
      emit({ type: 'fault', where: 'putting back a refresh request', error })
      await handBack(item)
      return
    }
    await drop(item)
  }

  #nextChange(): void {
    const wake = this.#changed
    this.#change = new Promise((resolve) => {
      this.#changed = resolve
    })
    wake()
  }
}

/** Enough that nobody has to wait while the next ones are asked for. */
export function leastHeld(concurrency: number): number {
  return Math.max(LEAST_HELD, concurrency)
}

export function mostHeld(concurrency: number): number {
  return Math.max(MOST_HELD, LANES.length * leastHeld(concurrency))
}

/** What the message alone says. */
export function unknown({ cause, at }: RefreshRequest): Waiting<Held>['candidate'] {
  return { cause, askedAt: at, staleSince: null, demand: 0, softTtlMs: null, costMs: null, idle: false }
}

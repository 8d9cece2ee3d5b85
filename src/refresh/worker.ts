import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import type { Lane, RefreshQueue } from '../ports/refresh-queue.ts'
import { type Held, handBack, handle, hold } from './handle.ts'

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

const LANES: readonly Lane[] = ['hot', 'normal', 'idle']
/** Deliveries held per lane beyond those being worked on: enough to order, few enough not to hoard. */
const AHEAD = 10
const AFTER_FAULT_MS = 1_000

/**
 * Takes refresh requests from the lanes and works on `concurrency` of them at a time, hotter lanes first. Ends when the
 * signal aborts: what it works on is finished, what it only holds goes back.
 */
export class RefreshWorker {
  readonly #deps: WorkerDeps
  readonly #options: Required<WorkerOptions>
  readonly #held: Record<Lane, Held[]> = { hot: [], normal: [], idle: [] }
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
    await Promise.all([...LANES.map((lane) => this.#receive(lane, signal)), ...workers])
    await Promise.all(LANES.flatMap((lane) => this.#held[lane].splice(0).map(handBack)))
    signal.removeEventListener('abort', onAbort)
  }

  async #receive(lane: Lane, signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.#deps
    const { waitMs, visibilityMs } = this.#options
    while (!signal.aborted) {
      const room = AHEAD - this.#held[lane].length
      if (room <= 0) {
        await this.#change
        continue
      }
      try {
        const deliveries = await queue.receive(lane, room, { waitMs, visibilityMs, signal })
        if (deliveries.length === 0) continue
        const now = clock.now()
        for (const { request } of deliveries) {
          emit({
            type: 'queue',
            action: 'received',
            key: request.key,
            lane,
            cause: request.cause,
            lagMs: now - request.at,
          })
        }
        this.#held[lane].push(...deliveries.map((delivery) => hold(clock, delivery, visibilityMs)))
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
      if (held) await handle(this.#deps.work, held, signal)
      else await this.#change
    }
  }

  #next(): Held | undefined {
    for (const lane of LANES) {
      const held = this.#held[lane].shift()
      if (!held) continue
      this.#nextChange()
      return held
    }
    return undefined
  }

  #nextChange(): void {
    const wake = this.#changed
    this.#change = new Promise((resolve) => {
      this.#changed = resolve
    })
    wake()
  }
}

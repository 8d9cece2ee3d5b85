import type { Clock } from '../ports/clock.ts'
import type { QueryPriority } from '../ports/source.ts'

/** Milliseconds by which a background statement counts as younger than it is: it goes before interactive ones that came later than that. */
const BACKGROUND_MS = 5_000

export interface Turn {
  readonly priority: QueryPriority
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export interface Waiter extends Turn {
  readonly since: number
  admit(): void
  refuse(error: unknown): void
}

/** Who waits for a permit in this process: first come, first served, and interactive before background. */
export class WaitingLine {
  readonly #lines: Readonly<Record<QueryPriority, Set<Waiter>>> = { interactive: new Set(), background: new Set() }
  readonly #clock: Clock
  readonly #maxWaitMs: number

  constructor(clock: Clock, maxWaitMs: number) {
    this.#clock = clock
    this.#maxWaitMs = maxWaitMs
  }

  get length(): number {
    return this.#lines.interactive.size + this.#lines.background.size
  }

  first(): Waiter | undefined {
    const [interactive] = this.#lines.interactive
    const [background] = this.#lines.background
    if (!interactive || !background) return interactive ?? background
    return background.since + BACKGROUND_MS < interactive.since ? background : interactive
  }

  /** Resolves when admitted. Rejects with the signal's reason, with `late()` after the longest wait, or as refused. */
  wait(turn: Turn, late: () => Error): Promise<void> {
    const { signal } = turn
    const line = this.#lines[turn.priority]
    return new Promise<void>((resolve, reject) => {
      const patience = new AbortController()
      const leave = () => {
        line.delete(waiter)
        patience.abort()
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        ...turn,
        since: this.#clock.now(),
        admit: () => {
          leave()
          resolve()
        },
        refuse: (error) => {
          leave()
          reject(error)
        },
      }
      const onAbort = () => waiter.refuse(signal?.reason)
      if (signal?.aborted) return reject(signal.reason)
      line.add(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#clock.sleep(this.#maxWaitMs, patience.signal).then(
        () => waiter.refuse(late()),
        () => undefined,
      )
    })
  }

  refuseAll(error: () => Error): void {
    for (const line of Object.values(this.#lines)) for (const waiter of line) waiter.refuse(error())
  }
}

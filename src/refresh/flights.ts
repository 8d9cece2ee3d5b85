import { KckError } from '../errors.ts'
import { ENDED, untilAborted } from '../kck/scope.ts'

/**
 * Single flight: one computation per key in this process, shared by everybody who asks meanwhile. It goes on while
 * somebody waits and is aborted when the last one leaves. Flights that wait for each other in a circle are refused.
 */
export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>()
  readonly #linger: (signal: AbortSignal) => Promise<void>

  /** `linger` resolves when a flight that nobody waits for any more should end. */
  constructor(linger: (signal: AbortSignal) => Promise<void>) {
    this.#linger = linger
  }

  /**
   * Joins the flight of `key`, or starts one. `parent` is the key whose own flight waits for this one. `collapsed` says
   * that it was under way already.
   */
  async join(
    key: string,
    start: (signal: AbortSignal) => Promise<T>,
    waiter: { readonly signal: AbortSignal; readonly parent?: string | undefined },
  ): Promise<{ readonly value: T; readonly collapsed: boolean }> {
    const known = this.#underWay(key)
    const flight = known ?? this.#start(key, start)
    const parent = waiter.parent === undefined ? undefined : this.#flights.get(waiter.parent)
    if (waiter.parent !== undefined) this.#refuseCycle(key, waiter.parent)
    flight.waiters += 1
    parent?.waitsFor.add(key)
    try {
      return { value: await untilAborted(flight.promise, waiter.signal), collapsed: known !== undefined }
    } finally {
      parent?.waitsFor.delete(key)
      flight.waiters -= 1
      if (flight.waiters === 0) this.#abandon(flight)
    }
  }

  #underWay(key: string): Flight<T> | undefined {
    const flight = this.#flights.get(key)
    return flight?.controller.signal.aborted ? undefined : flight
  }

  // Who gave up may have asked a worker to go on: it has a moment to join.
  #abandon(flight: Flight<T>): void {
    this.#linger(flight.settled.signal).then(
      () => {
        if (flight.waiters > 0) return
        flight.controller.abort(new KckError('DEADLINE_EXCEEDED', 'Nobody waits for this computation any more'))
      },
      () => undefined,
    )
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const settled = new AbortController()
    const promise = start(controller.signal).finally(() => {
      settled.abort(ENDED)
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    const flight: Flight<T> = { promise, controller, settled, waiters: 0, waitsFor: new Set() }
    // Every waiter sees the failure through its own await; this only keeps Node from calling it unhandled.
    promise.catch(() => undefined)
    this.#flights.set(key, flight)
    return flight
  }

  #refuseCycle(key: string, parent: string): void {
    const path = this.#pathBetween(key, parent, new Set())
    if (path) throw cycle([parent, ...path])
  }

  #pathBetween(from: string, to: string, seen: Set<string>): readonly string[] | null {
    if (from === to) return [from]
    if (seen.has(from)) return null
    seen.add(from)
    for (const next of this.#flights.get(from)?.waitsFor ?? []) {
      const rest = this.#pathBetween(next, to, seen)
      if (rest) return [from, ...rest]
    }
    return null
  }
}

interface Flight<T> {
  readonly promise: Promise<T>
  readonly controller: AbortController
  /** Aborts when the flight is over. */
  readonly settled: AbortController
  waiters: number
  /** Keys whose flights this one waits for. */
  readonly waitsFor: Set<string>
}

export function cycle(path: readonly string[]): KckError {
  return new KckError('CYCLE', `Products read each other in a circle: ${path.join(' -> ')}`, { details: { path } })
}

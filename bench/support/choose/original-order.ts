import type { Order, World } from './simulate.ts'

/** What the original takes at a time. */
const CHUNK = 20
/** The constants by which it selects a strategy. */
const TOO_SMALL_TO_SORT = 100
const TOO_SMALL_TO_DIFFERENTIATE = 5
const SIMILAR = 3

export const STRATEGIES = ['most_requested', 'first_requested', 'first_requested_gte_avg', 'its selector'] as const
export type Strategy = (typeof STRATEGIES)[number]

/**
 * The strategies of the original KCK as they were meant: its counts are kept, what is claimed is done and removed, and
 * to choose costs nothing, though it reads the whole queue.
 */
export class OriginalOrder implements Order {
  readonly #world: World
  readonly #strategy: Strategy
  /** Requests for each key that waits. */
  readonly #counts: Uint32Array
  /** The keys that wait, in the order in which they were first asked for; -1 where one was taken out. */
  #queue: number[] = []
  #waiting = 0
  #chunk: number[] = []
  readonly #claimed = new Set<number>()

  constructor(world: World, strategy: Strategy) {
    this.#world = world
    this.#strategy = strategy
    this.#counts = new Uint32Array(world.trace.costS.length)
  }

  stale(key: number): void {
    if (this.#claimed.has(key)) return
    const count = this.#counts[key] as number
    this.#counts[key] = count + 1
    if (count > 0) return
    this.#queue.push(key)
    this.#waiting += 1
  }

  read(key: number): void {
    this.stale(key)
  }

  next(): number {
    for (;;) {
      if (this.#chunk.length === 0) this.#claim()
      const key = this.#chunk.shift()
      if (key === undefined) return -1
      this.#claimed.delete(key)
      if (this.#world.due(key)) return key
    }
  }

  fresh(): void {}

  #claim(): void {
    if (this.#waiting === 0) return
    const places = this.#choose(this.#strategy === 'its selector' ? this.#select() : this.#strategy)
    for (const place of places) {
      const key = this.#queue[place] as number
      this.#chunk.push(key)
      this.#claimed.add(key)
      this.#counts[key] = 0
      this.#queue[place] = -1
    }
    this.#waiting -= places.length
    if (this.#queue.length > 1.2 * this.#waiting + 200) this.#queue = this.#queue.filter((key) => key >= 0)
  }

  #select(): Strategy {
    if (this.#waiting <= TOO_SMALL_TO_SORT * CHUNK) return 'most_requested'
    const { most, least, average } = this.#statistics()
    if (most - least < TOO_SMALL_TO_DIFFERENTIATE) return 'first_requested'
    return most - average <= SIMILAR ? 'first_requested_gte_avg' : 'first_requested'
  }

  /** Places in the queue. */
  #choose(strategy: Strategy): readonly number[] {
    if (strategy === 'most_requested') return this.#mostRequested()
    const least = strategy === 'first_requested_gte_avg' ? this.#statistics().average : 0
    const places: number[] = []
    for (let place = 0; place < this.#queue.length && places.length < CHUNK; place++) {
      if (this.#countAt(place) >= Math.max(1, least)) places.push(place)
    }
    return places
  }

  #mostRequested(): readonly number[] {
    // The best so far, the worst of them last.
    const best: number[] = []
    let least = 0
    for (let place = 0; place < this.#queue.length; place++) {
      const count = this.#countAt(place)
      if (count === 0 || (best.length === CHUNK && count <= least)) continue
      let rank = best.length
      while (rank > 0 && this.#countAt(best[rank - 1] as number) < count) rank -= 1
      best.splice(rank, 0, place)
      if (best.length > CHUNK) best.pop()
      least = this.#countAt(best.at(-1) as number)
    }
    return best
  }

  #countAt(place: number): number {
    const key = this.#queue[place] as number
    return key < 0 ? 0 : (this.#counts[key] as number)
  }

  #statistics() {
    let most = 0
    let least = Number.POSITIVE_INFINITY
    let sum = 0
    for (let place = 0; place < this.#queue.length; place++) {
      const count = this.#countAt(place)
      if (count === 0) continue
      most = Math.max(most, count)
      least = Math.min(least, count)
      sum += count
    }
    return { most, least, average: sum / this.#waiting }
  }
}

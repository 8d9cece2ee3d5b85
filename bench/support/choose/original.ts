import type { Order, World } from './simulate.ts'

const CHUNK = 20
export type Strategy = 'most_requested' | 'first_requested' | 'first_requested_gte_avg' | 'selector'

/** The strategies of the original KCK as they were meant: counts are kept, and what is claimed comes back. */
export class OriginalOrder implements Order {
  readonly #world: World
  readonly #strategy: Strategy
  readonly #counts: Uint32Array
  /** In the order of the first request; -1: taken. */
  #queue: number[] = []
  #queued = 0
  #head = 0
  #chunk: number[] = []
  constructor(world: World, strategy: Strategy) {
    this.#world = world
    this.#strategy = strategy
    this.#counts = new Uint32Array(world.trace.costS.length)
  }
  stale(key: number): void {
    this.#ask(key)
  }
  read(key: number): void {
    this.#ask(key)
  }
  fresh(key: number): void {
    void key
  }
  #ask(key: number): void {
    if (this.#claimed.has(key)) return
    const count = this.#counts[key] as number
    this.#counts[key] = count + 1
    if (count === 0) {
      this.#queue.push(key)
      this.#queued += 1
    }
  }
  readonly #claimed = new Set<number>()
  next(): number {
    for (;;) {
      if (this.#chunk.length === 0) this.#claim()
      const key = this.#chunk.shift()
      if (key === undefined) return -1
      this.#claimed.delete(key)
      if (this.#world.due(key)) return key
    }
  }
  #claim(): void {
    if (this.#queued === 0) return
    const chosen = this.#choose(this.#strategy === 'selector' ? this.#select() : this.#strategy)
    for (const index of chosen) {
      const key = this.#queue[index] as number
      this.#chunk.push(key)
      this.#claimed.add(key)
      this.#counts[key] = 0
      this.#queue[index] = -1
    }
    this.#queued -= chosen.length
    while (this.#queue[this.#head] === -1) this.#head += 1
    if (this.#queue.length > 1000 && this.#queue.length > 1.5 * this.#queued) {
      this.#queue = this.#queue.filter((key) => key >= 0)
      this.#head = 0
    }
  }
  #choose(strategy: Strategy): number[] {
    const queue = this.#queue
    if (strategy === 'most_requested') {
      // A list of the best 20 so far, the worst last.
      const best: number[] = []
      let least = 0
      for (let i = this.#head; i < queue.length; i++) {
        const key = queue[i] as number
        if (key < 0) continue
        const count = this.#counts[key] as number
        if (best.length === CHUNK && count <= least) continue
        let place = best.length
        while (place > 0 && (this.#counts[queue[best[place - 1] as number] as number] as number) < count) place -= 1
        best.splice(place, 0, i)
        if (best.length > CHUNK) best.pop()
        least = this.#counts[queue[best.at(-1) as number] as number] as number
      }
      return best
    }
    const floor = strategy === 'first_requested_gte_avg' ? this.#statistics().average : 0
    const first: number[] = []
    for (let i = this.#head; i < queue.length && first.length < CHUNK; i++) {
      const key = queue[i] as number
      if (key >= 0 && (this.#counts[key] as number) >= floor) first.push(i)
    }
    return first
  }
  #select(): Strategy {
    if (this.#queued <= 100 * CHUNK) return 'most_requested'
    const { most, least, average } = this.#statistics()
    if (most - least < 5) return 'first_requested'
    return most - average <= 3 ? 'first_requested_gte_avg' : 'first_requested'
  }
  #statistics() {
    let most = 0,
      least = Number.POSITIVE_INFINITY,
      sum = 0
    for (let i = this.#head; i < this.#queue.length; i++) {
      const key = this.#queue[i] as number
      if (key < 0) continue
      const count = this.#counts[key] as number
      most = Math.max(most, count)
      least = Math.min(least, count)
      sum += count
    }
    return { most, least, average: sum / this.#queued }
  }
}

/** A queue of messages: each key once, in the order in which it was first asked for. */
export class FifoOrder implements Order {
  readonly #world: World
  readonly #waits: Uint8Array
  readonly #queue: number[] = []
  #head = 0
  constructor(world: World) {
    this.#world = world
    this.#waits = new Uint8Array(world.trace.costS.length)
  }
  stale(key: number): void {
    if (!this.#waits[key]) {
      this.#waits[key] = 1
      this.#queue.push(key)
    }
  }
  read(key: number): void {
    this.stale(key)
  }
  fresh(key: number): void {
    void key
  }
  next(): number {
    for (;;) {
      const key = this.#queue[this.#head]
      if (key === undefined) return -1
      this.#head += 1
      this.#waits[key] = 0
      if (this.#world.due(key)) return key
    }
  }
}

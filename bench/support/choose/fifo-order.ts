import { Fifo } from './fifo.ts'
import type { Order, World } from './simulate.ts'

/** First come, first served: a key waits once, since it was first asked for. */
export class FifoOrder implements Order {
  readonly #world: World
  readonly #waits: Uint8Array
  readonly #queue = new Fifo<number>()

  constructor(world: World) {
    this.#world = world
    this.#waits = new Uint8Array(world.trace.costS.length)
  }

  stale(key: number): void {
    if (this.#waits[key]) return
    this.#waits[key] = 1
    this.#queue.push(key)
  }

  read(key: number): void {
    this.stale(key)
  }

  next(): number {
    for (let key = this.#queue.shift(); key !== undefined; key = this.#queue.shift()) {
      this.#waits[key] = 0
      if (this.#world.due(key)) return key
    }
    return -1
  }

  fresh(): void {}
}

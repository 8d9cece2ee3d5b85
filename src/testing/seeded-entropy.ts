import type { Entropy } from '../ports/clock.ts'

/** Ids and chances that are the same in every run with the same seed (mulberry32, by Tommy Ettinger). */
export class SeededEntropy implements Entropy {
  #state: number
  #ids = 0
  readonly #prefix: string

  /** `prefix`: at most 6 letters that every id begins with; different ones for processes that share a store. */
  constructor(seed: number, prefix = 'id') {
    this.#state = seed >>> 0
    this.#prefix = prefix
  }

  id(): string {
    this.#ids += 1
    const count = this.#ids.toString(36).padStart(6, '0')
    const chance = Math.floor(this.random() * 2 ** 32).toString(36)
    return `${this.#prefix}${count}${chance.padStart(8, '0')}`.slice(0, 16)
  }

  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

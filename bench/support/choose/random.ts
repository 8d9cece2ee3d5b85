/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T
  }
  exponential(perSecond: number): number {
    return -Math.log(1 - this.next()) / perSecond
  }
  /** Bounded Pareto. */
  pareto(low: number, high: number, shape: number): number {
    const u = this.next()
    const ratio = (low / high) ** shape
    return low / (1 - u * (1 - ratio)) ** (1 / shape)
  }
  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, index) => index)
    for (let i = length - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1))
      const kept = order[i] as number
      order[i] = order[j] as number
      order[j] = kept
    }
    return order
  }
}

/** Chances that are the same in every run with the same seed (mulberry32, by Tommy Ettinger). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T
  }

  /** The time to the next of what happens `rate` times in one unit of time. */
  exponential(rate: number): number {
    return -Math.log(1 - this.next()) / rate
  }

  /** From `low` to `high`, mostly low: each of its powers of two makes as much work as the next. */
  pareto(low: number, high: number): number {
    return low / (1 - this.next() * (1 - low / high))
  }

  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, index) => index)
    for (let end = length - 1; end > 0; end--) {
      const other = Math.floor(this.next() * (end + 1))
      const kept = order[end] as number
      order[end] = order[other] as number
      order[other] = kept
    }
    return order
  }

  /** Draws from `order`: its n-th with a chance that goes as 1 / n^exponent. */
  zipf(order: Uint32Array, exponent: number): () => number {
    const upTo = new Float64Array(order.length)
    let sum = 0
    for (let rank = 0; rank < order.length; rank++) {
      sum += 1 / (rank + 1) ** exponent
      upTo[rank] = sum
    }
    return () => {
      const drawn = this.next() * sum
      let low = 0
      let high = order.length - 1
      while (low < high) {
        const middle = (low + high) >> 1
        if ((upTo[middle] as number) < drawn) low = middle + 1
        else high = middle
      }
      return order[low] as number
    }
  }
}

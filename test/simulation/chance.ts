import { SeededEntropy } from '../../src/testing/seeded-entropy.ts'

/** Draws from one seed. */
export class Chance {
  readonly #entropy: SeededEntropy

  constructor(seed: number) {
    this.#entropy = new SeededEntropy(seed)
  }

  happens(chance: number): boolean {
    return this.#entropy.random() < chance
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.#entropy.random() * (most - least + 1))
  }

  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)] as T
  }

  /** One of the names, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries<number>(weights)
    let left = this.#entropy.random() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name as K
    }
    return entries.at(-1)?.[0] as K
  }
}

/** Keys by the time at which their computes end. */
export class EndHeap {
  readonly #at: number[] = []
  readonly #key: number[] = []

  /** When the first one ends. */
  get first(): number {
    return this.#at[0] ?? Number.POSITIVE_INFINITY
  }

  push(at: number, key: number): void {
    let hole = this.#at.length
    this.#put(hole, at, key)
    while (hole > 0) {
      const above = (hole - 1) >> 1
      if ((this.#at[above] as number) <= at) break
      this.#put(hole, this.#at[above] as number, this.#key[above] as number)
      hole = above
    }
    this.#put(hole, at, key)
  }

  /** The key that ends first. */
  pop(): number {
    const first = this.#key[0] as number
    const at = this.#at.pop() as number
    const key = this.#key.pop() as number
    const { length } = this.#at
    if (length === 0) return first
    let hole = 0
    for (;;) {
      let below = 2 * hole + 1
      if (below >= length) break
      if (below + 1 < length && (this.#at[below + 1] as number) < (this.#at[below] as number)) below += 1
      if ((this.#at[below] as number) >= at) break
      this.#put(hole, this.#at[below] as number, this.#key[below] as number)
      hole = below
    }
    this.#put(hole, at, key)
    return first
  }

  #put(place: number, at: number, key: number): void {
    this.#at[place] = at
    this.#key[place] = key
  }
}

/** A map that can be read in the order of its keys from any key on, which is what paging needs. */
export class SortedMap<V> {
  readonly #keys: string[] = []
  readonly #values = new Map<string, V>()

  get size(): number {
    return this.#keys.length
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#keys.splice(this.#firstNotBelow(key), 0, key)
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#firstNotBelow(key), 1)
  }

  /** Entries whose key lies above `after`, in order. */
  *above(after: string | undefined): Generator<readonly [string, V]> {
    let position = after === undefined ? 0 : this.#firstNotBelow(after)
    if (this.#keys[position] === after) position++
    for (; position < this.#keys.length; position++) {
      const key = this.#keys[position] as string
      yield [key, this.#values.get(key) as V]
    }
  }

  #firstNotBelow(key: string): number {
    let [low, high] = [0, this.#keys.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#keys[middle] as string) < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

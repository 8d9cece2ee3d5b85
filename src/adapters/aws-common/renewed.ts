/** Milliseconds: Lambda freezes a function for minutes, and who is on the way forgets silent connections. */
const IDLE_MS = 30_000

interface Closable {
  destroy(): void
}

/**
 * A client of the AWS SDK whose connections nobody has used for half a minute is replaced before the next call: one that
 * ended without a word meanwhile would swallow that call, and only a timeout would tell. What is under way on the former
 * one ends there.
 */
export class Renewed<C extends Closable> {
  readonly #make: () => C
  #client: C | null = null
  #former: C | null = null
  #usedAt = Date.now()

  constructor(make: () => C) {
    this.#make = make
  }

  get current(): C {
    const now = Date.now()
    if (this.#client === null || now - this.#usedAt > IDLE_MS) {
      this.#former?.destroy()
      this.#former = this.#client
      this.#client = this.#make()
    }
    this.#usedAt = now
    return this.#client
  }

  close(): void {
    this.#former?.destroy()
    this.#client?.destroy()
  }
}

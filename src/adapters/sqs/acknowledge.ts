import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Lane } from '../../ports/refresh-queue.ts'
import type { SqsCalls } from './calls.ts'

const MAX_ENTRIES = 10
/** How long an acknowledgement waits for others to share its call with: SQS is paid per call. Milliseconds. */
const GATHER_MS = 20

interface Waiting {
  readonly receipt: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Deletes messages, those of one moment in one call. */
export class Acknowledgements {
  readonly #calls: SqsCalls
  readonly #clock: Clock
  readonly #lane: Lane
  #waiting: Waiting[] = []
  readonly #underWay = new Set<Promise<void>>()

  constructor(calls: SqsCalls, clock: Clock, lane: Lane) {
    this.#calls = calls
    this.#clock = clock
    this.#lane = lane
  }

  add(receipt: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ receipt, resolve, reject })
      if (this.#waiting.length === MAX_ENTRIES) this.#flush()
      else if (this.#waiting.length === 1) this.#clock.sleep(GATHER_MS).then(() => this.#flush(), reject)
    })
  }

  /** Resolves when all that was added is settled. */
  async finish(): Promise<void> {
    this.#flush()
    await Promise.all(this.#underWay)
  }

  #flush(): void {
    const batch = this.#waiting
    this.#waiting = []
    if (batch.length === 0) return
    const deleting = this.#delete(batch).finally(() => this.#underWay.delete(deleting))
    this.#underWay.add(deleting)
  }

  async #delete(batch: readonly Waiting[]): Promise<void> {
    try {
      const receipts = batch.map((each) => each.receipt)
      const failed = new Set(await this.#calls.delete(this.#lane, receipts))
      for (const [index, { resolve, reject }] of batch.entries()) {
        if (failed.has(index))
          reject(new KckError('STORE_UNAVAILABLE', 'A message could not be deleted; it comes again'))
        else resolve()
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}

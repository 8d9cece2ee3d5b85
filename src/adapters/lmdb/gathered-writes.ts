import type { Growth } from './file-room.ts'

type Write = <T>(growth: Growth | null, work: () => T) => T

interface Waiting {
  readonly growth: Growth | null
  readonly work: () => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Writes of one transaction, so that other processes need not wait long for the lock. */
const MOST = 100

/**
 * Has the writes of one turn of the event loop share a transaction: beginning and committing one costs more than most
 * writes do. Each is still all or nothing by itself, and committed when its promise resolves: where one of them throws,
 * all are undone and made again one by one.
 */
export class GatheredWrites {
  readonly #write: Write
  #waiting: Waiting[] = []

  constructor(write: Write) {
    this.#write = write
  }

  add<T>(growth: Growth | null, work: () => T): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ growth, work, resolve, reject })
      if (this.#waiting.length === 1) setImmediate(() => this.flush())
      else if (this.#waiting.length === MOST) this.flush()
    }) as Promise<T>
  }

  /** Writes what waits. */
  flush(): void {
    const together = this.#waiting
    this.#waiting = []
    if (together.length === 0) return
    let results: readonly unknown[]
    try {
      results = this.#write(growthOf(together), () => together.map(({ work }) => work()))
    } catch (error) {
      if (together.length === 1) together[0]?.reject(error)
      else for (const each of together) this.#alone(each)
      return
    }
    for (const [index, { resolve }] of together.entries()) resolve(results[index])
  }

  #alone({ growth, work, resolve, reject }: Waiting): void {
    try {
      resolve(this.#write(growth, work))
    } catch (error) {
      reject(error)
    }
  }
}

function growthOf(writes: readonly Waiting[]): Growth | null {
  const growths = writes.flatMap(({ growth }) => growth ?? [])
  if (growths.length === 0) return null
  return growths.reduce((sum, { records, bytes }) => ({ records: sum.records + records, bytes: sum.bytes + bytes }))
}

import { describe, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'

/** A test of a suite that an adapter cannot pass, and why. It is skipped, and its reason is printed. */
export interface Deviation {
  readonly test: string
  readonly reason: string
}

export interface SuiteOptions {
  readonly deviations?: readonly Deviation[]
  /** Random runs of the model-based test. Default 300. */
  readonly runs?: number
  /** Compare-and-sets per client in the concurrency test. Default 50. */
  readonly increments?: number
}

export interface StoreHarness {
  readonly store: Store
  /** A second client of the same data: another connection, environment or process. Default: `store` itself. */
  another?(): Promise<Store>
  /** The store's clock. Default: the system's. */
  now?(): number
  /** Lets `ms` pass for the store, by a virtual clock or by waiting. */
  advance?(ms: number): Promise<void>
  close(): Promise<void>
}

/** May hand out a store that other tests have used: every test makes its own keys. */
export type StoreFactory = () => Promise<StoreHarness>

type Body<H> = (harness: H) => Promise<void>

interface SuiteInput<H> {
  readonly name: string
  readonly factory: () => Promise<H>
  readonly options: SuiteOptions
}

/** A `describe` whose tests each get their own harness, closed afterwards. */
export function suite<H extends { close(): Promise<void> }>(
  input: SuiteInput<H>,
  define: (check: (title: string, body: Body<H>) => void) => void,
): void {
  const deviations = new Map((input.options.deviations ?? []).map((deviation) => [deviation.test, deviation.reason]))
  describe(input.name, () => {
    define((title, body) => {
      const reason = deviations.get(title)
      if (deviations.delete(title)) {
        process.stdout.write(`deviation of ${input.name}: "${title}": ${reason}\n`)
        test.skip(`${title} (${reason})`, () => undefined)
        return
      }
      test(title, async () => {
        const harness = await input.factory()
        try {
          await body(harness)
        } finally {
          await harness.close()
        }
      })
    })
    for (const title of deviations.keys())
      throw new Error(`${input.name} lists a deviation from "${title}", which is no test`)
  })
}

let names = 0
/** A text that no other test uses, so that a store may be shared. */
export function unique(prefix: string): string {
  return `${prefix}-${process.pid.toString(36)}-${Date.now().toString(36)}-${(names++).toString(36)}`
}

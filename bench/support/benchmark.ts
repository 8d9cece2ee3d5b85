import type { Cleanup } from './cleanup.ts'
import type { Table } from './table.ts'

/** How much to measure. */
export interface Settings {
  /** Of each single measurement. */
  readonly seconds: number
  /** How often each is repeated; the figures are medians. */
  readonly rounds: number
  /** Products at most, of what is measured at several sizes. */
  readonly most: number
  /** What has to be ended when the run is over, however it ends. */
  readonly cleanup: Cleanup
  /** Tells people what goes on. */
  readonly say: (message: string) => void
}

export interface Report {
  readonly tables: readonly Table[]
  /** What one must know to read the figures, such as what could not be measured. */
  readonly notes: readonly string[]
  /** Every single measurement, for `--json`. */
  readonly samples: readonly unknown[]
}

/** A file of `bench/` has one claim and exports this as `benchmark`. */
export type Benchmark = (settings: Settings) => Promise<Report>

import type { Happening, Lease, Requested } from '../entry/entry.ts'
import type { Choice } from '../refresh/choose.ts'

/** All that is known of one product, for people who ask why it is as it is. Times: milliseconds since 1970. */
export interface Explanation {
  readonly key: string
  /** `failed`: stale, and the last refresh failed. */
  readonly state: 'fresh' | 'stale' | 'failed' | 'missing'
  /** One sentence: what it is, and since when. */
  readonly summary: string
  /** Why it is stale or missing, and why it is not fresh yet; the most telling first. Empty while fresh. */
  readonly reasons: readonly Reason[]
  readonly primer: ExplainedPrimer
  /** What is served; null: nothing. */
  readonly value: ExplainedValue | null
  /** What the value was computed from. */
  readonly inputs: readonly ExplainedInput[]
  /** Keys of products that read it, at most 100. */
  readonly dependents: { readonly keys: readonly string[]; readonly more: boolean }
  readonly refresh: ExplainedRefresh
  /** The last things that happened to it, newest first. */
  readonly history: readonly Happening[]
}

/** A cause by name, for programs, and a sentence that says what to do, where there is something to do. */
export interface Reason {
  readonly code:
    | 'never-computed'
    | 'purged'
    | 'hard-expired'
    | 'changed'
    | 'soft-expired'
    | 'definition-changed'
    | 'clock-ahead'
    | 'input-newer'
    | 'input-stale'
    | 'input-failed'
    | 'computing'
    | 'lease-expired'
    | 'changed-while-computing'
    | 'backing-off'
    | 'parked'
    | 'waiting'
    | 'request-lost'
    | 'nobody-asked'
    | 'idle'
  readonly text: string
}

export interface ExplainedPrimer {
  readonly name: string
  readonly description: string | null
  readonly file: string | null
  readonly revision: string
  readonly softTtlMs: number | null
  readonly hardTtlMs: number | null
  readonly idleAfterMs: number | null
}

export interface ExplainedValue {
  readonly version: number
  readonly asOf: number
  readonly ageMs: number
  readonly modified: number
  readonly staleSince: number | null
  readonly softExpiresAt: number | null
  readonly hardExpiresAt: number | null
  readonly contentHash: string
  /** Bytes before encoding, and as stored. */
  readonly bytes: number
  readonly encoding: string
  readonly costMs: number
  readonly primerRevision: string
}

export interface ExplainedInput {
  /** Its name in the lineage: `product/...`, `table/...`, `tag/...`, `remote/...`. */
  readonly node: string
  /** The version that was read; null for what has none. */
  readonly version: number | null
  /** The version that it has now, for products. */
  readonly versionNow: number | null
  readonly state: 'fresh' | 'stale' | 'failed' | 'missing' | null
}

export interface ExplainedRefresh {
  /** When it will become stale, or will be tried again, by itself; null: no such time. */
  readonly dueAt: number | null
  readonly requested: Requested | null
  /** How it is chosen among others; null where nothing is to be done. */
  readonly choice: Choice | null
  readonly lease: Pick<Lease, 'since' | 'until'> | null
  readonly failure: {
    readonly attempts: number
    readonly code: string
    readonly message: string
    readonly at: number
    readonly retryAt: number | null
  } | null
  readonly lastReadAt: number | null
}

/**
 * An entry: everything KCK knows about one key. One row, and every change of the row is one compare-and-set on `rev`
 * (`entry/transitions.ts`). Beside the row stand *marks*: small append-only notes "this key became dirty", written
 * without a read or a condition, so that marking 100,000 dependents costs 100,000 plain writes. A mark counts until a
 * transition folds it into `epoch`.
 */
export interface EntryRow {
  readonly key: string
  /** Bumped by 1 by every compare-and-set; 0 means "no row yet". */
  readonly rev: number
  /** Ids of the last operations applied (newest last, at most 8), so that a late duplicate is recognised. */
  readonly ops: readonly string[]
  /** Bumped whenever the product becomes dirty. */
  readonly epoch: number
  /** Ids of marks that are folded into `epoch` already and may still lie beside the row. */
  readonly absorbed: readonly string[]
  /** Milliseconds; when the product last went from clean to dirty; null while clean. */
  readonly dirtyAt: number | null
  /** Why it is dirty, for people: `update order_status/7`, `invalidate`. */
  readonly dirtyCause: string | null
  /** Some of what made it dirty is not just a newer upstream product, so only a recompute makes it fresh again. */
  readonly dirtyDirect: boolean
  /** The refresh that was asked for and has not begun; requests meanwhile coalesce with it. */
  readonly requested: Requested | null
  /** Milliseconds; about when it was last read; only where its primer asks for it, and missing until the first time. */
  readonly readAt?: number
  /** The value that is served; null before the first one, and after a purge. */
  readonly value: Materialization | null
  /** The last value of the primer's definition before this one, its body in chunks: a rollback finds it again. */
  readonly superseded: Materialization | null
  readonly lease: Lease | null
  readonly failure: Failure | null
  /** The largest version ever published under this key while the row lives; versions only grow. */
  readonly lastVersion: number
  /** Bodies that no row points to any more, to be deleted once no reader can still be reading them. */
  readonly retired: readonly RetiredBody[]
  /** Milliseconds; the store may drop the row from then on; null: never. */
  readonly removeAt: number | null
  /** The last things that happened to it, newest last; missing in rows of before there was one. */
  readonly history?: readonly Happening[]
}

/** Something that happened to an entry, for people who ask why it is as it is. */
export interface Happening {
  /** Milliseconds since 1970. */
  readonly at: number
  /**
   * `dirty`: a change made it stale; `computed`, `augmented`; `unchanged`: nothing upstream was new; `restored`: the
   * value of an earlier definition fits again; `failed`; `set` and `purged` by hand.
   */
  readonly what: 'dirty' | 'computed' | 'augmented' | 'unchanged' | 'restored' | 'failed' | 'set' | 'purged'
  /** Why: a change, or who asked (`miss`, `stale-read`, `schedule`...). */
  readonly cause: string
  /** Milliseconds that it took. */
  readonly ms?: number
  /** Rows that were read from sources. */
  readonly rows?: number
  readonly version?: number
  /** `CODE: message`, safe to show. */
  readonly error?: string
}

export interface Requested {
  /** Milliseconds. */
  readonly at: number
  readonly lane: string
  readonly cause: string
  /** Reads of the stale value that processes have told of; missing: none. */
  readonly demand?: number
}

/** One computation that was stored. */
export interface Materialization {
  /** Grows with every change of the value: `max(previous + 1, milliseconds now)`. */
  readonly version: number
  /** The epoch that the compute started from; behind `row.epoch` means stale. */
  readonly builtEpoch: number
  /** Milliseconds; when the compute began to read its sources. */
  readonly asOf: number
  /** Milliseconds; when this version was published. */
  readonly modified: number
  /** Milliseconds; stale from then on; null: only a change makes it stale. */
  readonly softExpiresAt: number | null
  /** Milliseconds; never served from then on; null: no such time. */
  readonly hardExpiresAt: number | null
  /** Hex SHA-256 (first 32 characters) of the value's JSON text. */
  readonly contentHash: string
  /** Hash of the primer's definition that computed it. */
  readonly primerRevision: string
  /** What the compute read. */
  readonly inputs: readonly Input[]
  /** Every product upstream of `inputs`, with the version that this value rests on: unequal ones mean a mix of old and new. */
  readonly ancestors: readonly Input[]
  /** Milliseconds of the compute; what a refresh costs. */
  readonly costMs: number
  readonly body: Body
}

/** One upstream node as the compute read it. `version` and `contentHash` are those of a product; null for tables, tags. */
export interface Input {
  readonly node: string
  readonly version: number | null
  readonly contentHash: string | null
  /** Id of the edge in the lineage that was written before the node was read. */
  readonly edge: string
}

export type BodyEncoding = 'identity' | 'gzip' | 'zstd'

/** The response body `{"key","value","version","modified"}`, encoded once as it will be served. */
export interface Body {
  readonly id: string
  readonly encoding: BodyEncoding
  /** Bytes before encoding. */
  readonly length: number
  /** Hex SHA-256 (first 32 characters) of the stored bytes, checked on every read from a store. */
  readonly checksum: string
  /** The stored bytes themselves when small; null when they lie in `chunks` chunks under `id`. */
  readonly inline: Uint8Array | null
  readonly chunks: number
  /** Milliseconds; the chunks may be gone from then on; null: never. */
  readonly chunksExpireAt: number | null
}

export interface RetiredBody {
  readonly id: string
  readonly chunks: number
  /** Milliseconds; when it was retired. */
  readonly at: number
}

/** The right to compute. A commit must present `token`; time alone never decides. */
export interface Lease {
  readonly token: string
  /** Milliseconds; another process may take the lease from then on. */
  readonly until: number
  /** The epoch when it was taken: what the compute will have seen. */
  readonly epoch: number
  /** Milliseconds; when it was taken (the compute's `asOf`). */
  readonly since: number
}

export interface Failure {
  /** Refreshes that failed in a row. */
  readonly attempts: number
  readonly code: string
  /** Safe to show (see `KckError.message`). */
  readonly message: string
  readonly at: number
  /** The definition that failed; another one is tried at once. */
  readonly primerRevision: string
  /** The epoch it started from; once it moved, something changed that may have helped. */
  readonly epoch: number
  /** Milliseconds; not tried again before; null: parked until somebody retries by hand. */
  readonly retryAt: number | null
}

/** "This key became dirty", beside the row. Grow-only until folded in, so no order and no clock is needed. */
export interface Mark {
  /** Unique per change, equal for duplicates of the same change. */
  readonly id: string
  /** Milliseconds; for staleness figures and people only. */
  readonly at: number
  readonly cause: string
  /** It became dirty only because an upstream product did; then an unchanged upstream makes it fresh without a compute. */
  readonly upstream: boolean
  /** What the change was, for primers that can `augment`; see `refresh/augment.ts`. */
  readonly delta?: MarkedDelta
}

/**
 * A write places one mark before its transaction (`begin`) and one after it (`end`). Only a value whose compute was over
 * before the first has certainly not seen the write, and may be augmented with what the second says.
 */
export interface MarkedDelta {
  /** Id of the change; the same in both. */
  readonly of: string
  readonly phase: 'begin' | 'end'
  /** What changed, as JSON text; null in `begin`, and in `end` when nothing changed after all. */
  readonly change: string | null
}

/** What a store knows of a key in one read: the row, and the marks that lie beside it. */
export interface StoredEntry {
  readonly key: string
  readonly row: EntryRow | null
  readonly marks: readonly Mark[]
}

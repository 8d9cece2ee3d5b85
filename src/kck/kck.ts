import type { JsonValue } from '../entry/json.ts'
import type { KckError } from '../errors.ts'
import type { Operate } from '../operate/contract.ts'
import type { RefreshRequest } from '../ports/refresh-queue.ts'
import type { WorkItem } from '../ports/work-index.ts'
import type { Claims } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import type { Look, Seen } from '../refresh/look.ts'
import type { Waiting, Writes } from '../write/api.ts'

/** The whole of KCK as its edges (HTTP, Lambda, command line, a program that embeds it) see it. Made by `createKck`. */
export interface Kck {
  readonly registry: Registry
  /** One product as the caller may have it. Throws `KckError`. */
  fetch(key: string, request?: FetchRequest): Promise<Fetched>
  /** Many products with one store round trip; one result per key, in order; a failing key fails alone. */
  fetchMany(keys: readonly string[], request?: FetchRequest): Promise<readonly (Fetched | KckError)[]>
  /** What the in-process near cache can answer at once and without any directive, or null. No promise, no store. */
  peek(key: string): Fetched | null
  /** The value itself. */
  get(key: string, request?: FetchRequest): Promise<JsonValue>
  /** Stores a value under a key as if its primer had computed it now. */
  set(key: string, value: unknown, options?: SetOptions): Promise<{ readonly version: number }>
  /** Marks stale; the value is still served while it is made anew. False: there was nothing to mark. */
  invalidate(key: string, options?: ChangeOptions): Promise<boolean>
  /** Removes the value. False: there was none. */
  purge(key: string, options?: ChangeOptions): Promise<boolean>
  /** Computes now and returns the new value's state. */
  refresh(key: string, request?: FetchRequest): Promise<Fetched>
  /** Marks stale everything that depends on one of the tags. */
  invalidateTags(tags: readonly string[], options?: ChangeOptions): Promise<Marked>
  /** Marks stale everything that rests on what changed in a source. */
  changed(change: SourceChange, options?: ChangeOptions): Promise<Marked>
  update(updaterKey: string, body: unknown, request?: UpdateRequest): Promise<Updated>
  /** Writes that are answered before their source has them. */
  readonly writes: Writes
  /** What workers do. */
  readonly work: Work
  /** What operators ask and do. */
  readonly operate: Operate
  /** Per part: whether it answers, and how fast. */
  health(options?: { readonly signal?: AbortSignal }): Promise<Health>
  close(): Promise<void>
}

export interface Work {
  /**
   * Does what a refresh request asks for, if it is still worth doing. Resolves when the entry is fresh; throws what the
   * compute threw, with `retryAfterMs` and `details.parked`. `seen`: what a look at this very request found.
   */
  refresh(request: RefreshRequest, signal: AbortSignal, seen?: Seen | null): Promise<void>
  /** What the entries of refresh requests say, to be asked when the requests are there. One read for all. */
  look(requests: readonly RefreshRequest[], signal?: AbortSignal): Promise<readonly Look[]>
  /** Carries through a change that another process wrote down and did not finish, and crosses it out. */
  resume(intent: WorkItem, signal?: AbortSignal): Promise<void>
}

/** Something changed outside KCK. */
export interface SourceChange {
  readonly tables?: readonly AnnouncedTable[]
  readonly tags?: readonly string[]
  readonly keys?: readonly string[]
}

/** Without a source's name: the only one. */
export type AnnouncedTable = Omit<TableChange, 'source'> & { readonly source?: string }

export interface TableChange {
  /** The source's name. */
  readonly source: string
  /** As PostgreSQL knows it: `orders` or `sales.orders`. */
  readonly table: string
  /** What stands in the changed row, as far as is known; missing: any row may have changed. */
  readonly row?: Readonly<Record<string, unknown>>
  /** Columns of `row` that may have held another value before. */
  readonly unsure?: readonly string[]
}

/** What a change made stale. */
export interface Marked {
  readonly marked: number
  /** At most 100 of the keys. */
  readonly keys: readonly string[]
  /** For `FetchRequest.after`: who carries it sees what changed. */
  readonly after: string
}

export interface FetchRequest {
  /** Accept no answer whose age (`now - asOf`) is larger. Milliseconds. */
  readonly maxAgeMs?: number
  /** Accept an answer that has been stale for at most this long; `Infinity`: however long. Default: serve stale, refresh behind. */
  readonly maxStaleMs?: number
  /** Accept no answer that stays fresh for less than this. */
  readonly minFreshMs?: number
  /** Never compute. */
  readonly onlyIfCached?: boolean
  /** Compute from sources read after this call began. */
  readonly noCache?: boolean
  /**
   * What `Updated.after` and `Marked.after` said, several with commas between: no answer that has not seen those changes.
   * Waited for within the deadline; else `DEADLINE_EXCEEDED` or what stands in the way, never an older value.
   */
  readonly after?: string
  /** Compute also when the key backs off after failures, or is parked. */
  readonly retry?: boolean
  /** Milliseconds since 1970 by which there must be an answer. Default: now + the deployment's `limits.deadlineMs`. */
  readonly deadline?: number
  /** Aborts when the caller is gone. */
  readonly signal?: AbortSignal
}

export type ContentEncoding = 'identity' | 'gzip' | 'zstd' | 'br'

export interface Fetched {
  readonly key: string
  readonly version: number
  /** Milliseconds since 1970. */
  readonly modified: number
  /** Milliseconds since 1970; the value is what the sources said then, or later. */
  readonly asOf: number
  /** `failed`: stale, and the last refresh failed. */
  readonly state: 'fresh' | 'stale' | 'failed'
  /** Milliseconds since 1970; null while fresh. */
  readonly staleSince: number | null
  /** Why it is stale, for people; null while fresh. */
  readonly staleCause: string | null
  readonly softExpiresAt: number | null
  readonly hardExpiresAt: number | null
  readonly contentHash: string
  readonly from: 'near' | 'replica' | 'store' | 'compute'
  /** Cached writes that it shows although its source does not have them yet; missing: none. */
  readonly overlaid?: number
  /** This caller waited for a compute that another one had begun. */
  readonly collapsed: boolean
  readonly body: FetchedBody
}

/** The response body `{"key","value","version","modified"}`; encoded forms are made once and kept while it is cached. */
export interface FetchedBody {
  /** The encoding it is stored in. */
  readonly encoding: 'identity' | 'gzip' | 'zstd'
  /** Bytes before encoding. */
  readonly length: number
  /** Synchronous for bodies up to 1 MiB, so that a hit never leaves the tick. */
  bytes(encoding: ContentEncoding): Uint8Array | Promise<Uint8Array>
}

export interface SetOptions {
  /** Refuse with `CONFLICT` unless the current version is this; 0: unless there is none. */
  readonly ifVersion?: number
  readonly softTtlMs?: number
  readonly hardTtlMs?: number
}

export interface ChangeOptions {
  /** For people: shown by `explain`. */
  readonly cause?: string
  /** Equal for repetitions of the same call, so that they count once. */
  readonly id?: string
  readonly signal?: AbortSignal
}

export interface UpdateRequest {
  readonly claims?: Claims | null
  readonly deadline?: number
  readonly signal?: AbortSignal
}

export interface Updated {
  readonly updater: string
  readonly mode: 'insert' | 'update'
  /** Rows the write affected. */
  readonly rowCount: number
  /** What the write returned (`returning ...`), at most 100 rows. */
  readonly rows: readonly Readonly<Record<string, JsonValue>>[]
  /** Product keys marked stale, at most 100; `changedCount` counts all. */
  readonly changed: readonly string[]
  readonly changedCount: number
  /** For `FetchRequest.after`: who carries it sees this write. */
  readonly after: string
}

export interface Health {
  readonly ok: boolean
  /** `lagMs`: of a source that is watched, how long the oldest change has waited for its marks. */
  readonly parts: Readonly<
    Record<string, { readonly ok: boolean; readonly ms: number; readonly code?: string; readonly lagMs?: number }>
  >
  /** Cached writes that wait, or were refused; missing: none. */
  readonly writes?: Waiting
}

import type { EntryRow, Happening, Input } from '../entry/entry.ts'
import type { JsonValue } from '../entry/json.ts'
import type { Lane } from '../ports/refresh-queue.ts'
import type { Explanation } from './explanation.ts'

/** What people who run KCK ask and do; all of it reads the store as it is now. Throws `KckError`. */
export interface Operate {
  /** Why a product is as it is. */
  explain(key: string, call?: OperateCall): Promise<Explanation>
  /** The stored keys of a primer, a page at a time. */
  keys(query: KeyQuery, call?: OperateCall): Promise<KeyPage>
  /** What rests on what, by definition. */
  graph(call?: OperateCall): Promise<Graph>
  /** What waits for a refresh and what fails; `limit` of each. @default limit 100 */
  backlog(call?: OperateCall & { readonly limit?: number }): Promise<Backlog>
  /** Gives up on a product that fails, until it is refreshed by hand or something it reads changes. False: it does not fail. */
  discard(key: string, call?: OperateCall): Promise<boolean>
  /** Entries with everything they have, a page at a time. */
  dump(query: KeyQuery, call?: OperateCall): Promise<DumpPage>
  /** Puts dumped entries back, where there is none of that version or a newer one; one result for each, in order. */
  load(entries: readonly unknown[], call?: OperateCall): Promise<readonly Loaded[]>
}

export interface OperateCall {
  readonly signal?: AbortSignal
}

/** One stored product in a list. Times: milliseconds since 1970. */
export interface ListedKey {
  readonly key: string
  readonly state: Explanation['state']
  readonly version: number
  readonly ageMs: number
  readonly staleSince: number | null
  readonly bytes: number
  readonly costMs: number
  /** `CODE: message` of the last refresh, if it failed. */
  readonly error: string | null
}

export interface KeyPage {
  readonly keys: readonly ListedKey[]
  /** To be passed back for the following page; missing: that was the last one. */
  readonly next?: string
}

export interface KeyQuery {
  readonly primer: string
  /** Keys looked at for one page; those without a value are left out. @default 100, at most 1,000 */
  readonly limit?: number
  readonly after?: string
}

/** What waits, and why in this order. Times: milliseconds since 1970. */
export interface Backlog {
  /** Messages by lane, about. */
  readonly depth: Readonly<Record<Lane, number>>
  /** Stale products whose refresh is owed because something changed, those that come first first. */
  readonly waiting: readonly WaitingKey[]
  /** There are more that wait. */
  readonly more: boolean
  readonly failing: readonly FailingKey[]
}

export interface WaitingKey {
  readonly key: string
  readonly since: number
  /** Null: it is refreshed when somebody reads it. */
  readonly lane: Lane | null
  readonly score: number
  /** A sentence for people. */
  readonly reason: string
}

export interface FailingKey {
  readonly key: string
  readonly attempts: number
  readonly code: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly failedAt: number
  /** Milliseconds since 1970; null: parked until somebody refreshes it by hand. */
  readonly retryAt: number | null
}

/** What rests on what, by definition rather than by key: source tables, tags, remotes, updaters and products. */
export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

export interface GraphNode {
  /** `table/<source>/<table>`, `tag/<name>`, `remote/<name>`, `updater/<name>`, `product/<name>`. */
  readonly id: string
  readonly kind: 'table' | 'tag' | 'remote' | 'updater' | 'product'
  readonly label: string
}

/** A change of `from` reaches `to`. */
export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** `declared` in a definition; `captured` while some key of it was computed. */
  readonly how: 'declared' | 'captured'
}

/** An entry as a line of a dump: everything but what only its store needs. Times: milliseconds since 1970. */
export interface DumpedEntry {
  readonly format: 1
  readonly key: string
  readonly value: JsonValue
  readonly version: number
  readonly lastVersion: number
  readonly modified: number
  readonly asOf: number
  readonly softExpiresAt: number | null
  readonly hardExpiresAt: number | null
  readonly costMs: number
  readonly primerRevision: string
  /** Null: it was clean. */
  readonly dirty: { readonly at: number; readonly cause: string } | null
  readonly inputs: readonly Input[]
  readonly ancestors: readonly Input[]
  readonly failure: EntryRow['failure']
  readonly readAt: number | null
  readonly history: readonly Happening[]
}

export interface DumpPage {
  readonly entries: readonly DumpedEntry[]
  /** Keys whose stored body is damaged; they are left out. */
  readonly damaged: readonly string[]
  readonly next?: string
}

/** What became of one entry. `kept`: the store has that version, or a newer one. */
export type Loaded =
  | { readonly key: string; readonly outcome: 'loaded' | 'kept' }
  | { readonly key: string; readonly outcome: 'refused'; readonly code: string; readonly message: string }

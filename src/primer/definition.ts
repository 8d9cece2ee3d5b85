import type { Json, JsonValue } from '../entry/json.ts'
import type { ParametersOf, ParameterTypes } from '../key/parameter.ts'
import type { SqlValues } from '../ports/source.ts'
import type { SqlStatement } from '../sql/statement.ts'

/** A primer as the cache runs it: what `primer()`, a `.sql` file and a `.yml` file all become. */
export interface Primer<P extends ParameterTypes = ParameterTypes, V = unknown> {
  readonly kind: 'primer'
  /** First segment of its keys: `[A-Za-z_][A-Za-z0-9_.-]{0,127}`. */
  readonly name: string
  readonly description: string | null
  /** In the order in which they stand in a key. */
  readonly parameters: P
  /** The source its `statement` runs on; null for a primer without SQL. */
  readonly source: string | null
  readonly statement: SqlStatement | null
  readonly result: ResultShape
  /**
   * Computes the value. With a `statement` too, its shaped result comes as `context.rows`. Missing: the statement's
   * shaped result is the value.
   */
  readonly compute: ((context: ComputeContext, parameters: ParametersOf<P>) => V | Promise<V>) | null
  /** A newer value from the current one and what changed, or `undefined` to have it recomputed. */
  readonly augment:
    | ((current: Json<V>, delta: Delta, parameters: ParametersOf<P>) => V | undefined | Promise<V | undefined>)
    | null
  /** Milliseconds from `asOf` until stale; null: only a change makes it stale. */
  readonly softTtlMs: number | null
  /** Milliseconds from `asOf` until it is never served again; null: no limit. At least `softTtlMs`. */
  readonly hardTtlMs: number | null
  /** Compute when missed; null: as the deployment says. */
  readonly primeOnMiss: boolean | null
  /** Milliseconds a compute may take; null: as the deployment says. */
  readonly timeoutMs: number | null
  /** Who may read it; null: as the deployment says. */
  readonly access: Access | null
  /** Templates of updater keys: `order_status/:customer_id`. */
  readonly afterUpdates: readonly string[]
  /** Templates of product keys. */
  readonly afterPrimes: readonly string[]
  readonly tags: readonly string[]
  readonly schedule: Schedule | null
  /** Compute at every deployment or start. */
  readonly atBoot: boolean
  /** Milliseconds without a read after which it is refreshed only on demand; null: never idle. */
  readonly idleAfterMs: number | null
  /** Milliseconds without a further change before a refresh begins; null: at once. */
  readonly debounceMs: number | null
  /** Milliseconds after the first change at which a refresh begins, whatever goes on; null: five times `debounceMs`. */
  readonly maxDelayMs: number | null
  readonly replicate: boolean
  readonly hooks: PrimerHooks
  /** Hash of everything that decides the value: SQL, code, result shape, parameters. */
  readonly revision: string
  /** The file it was read from, relative to the project, for messages to its author; null: made in code. */
  readonly file: string | null
  /** Type only. */
  readonly value?: V
}

// biome-ignore lint/suspicious/noExplicitAny: parameters and value stand in both directions.
export type AnyPrimer = Primer<any, any>

export interface ResultShape {
  /** `dicts`: rows as objects; `rows`: rows as arrays; `row`: the first row as an object or null; `value`: its first column or null. */
  readonly as: 'dicts' | 'rows' | 'row' | 'value'
  /** JSONPath (RFC 9535) whose first match in that is the result, null where nothing matches. */
  readonly jsonpathFirst: string | null
}

export interface Schedule {
  /** Milliseconds between runs. */
  readonly everyMs: number | null
  readonly cron: string | null
  /** IANA name; default UTC. */
  readonly timeZone: string | null
  /** Key of the product whose value lists the parameters to keep warm; null: the primer has no parameters. */
  readonly over: string | null
}

/** What changed, handed to `augment`. */
export interface Delta {
  readonly changes: readonly Change[]
}

export interface Change {
  /** The updater key or product key that changed. */
  readonly key: string
  readonly before?: JsonValue
  readonly after?: JsonValue
}

export interface ComputeContext {
  /** The shaped result of the primer's own `statement`; undefined without one. */
  // biome-ignore lint/suspicious/noExplicitAny: the row type of a statement is known to its author only.
  readonly rows: any
  /** Aborts when nobody waits any more, or the compute's time is over. */
  readonly signal: AbortSignal
  /** Milliseconds; when this compute began. */
  readonly now: number
  /** Another product, made fresh first where it is stale; recorded as a dependency. */
  get<P extends ParameterTypes, V>(primer: Primer<P, V>, parameters: ParametersOf<P>): Promise<Json<V>>
  /** The same by key, for primers that are not at hand as a value. */
  get(key: string): Promise<JsonValue>
  getMany<P extends ParameterTypes, V>(primer: Primer<P, V>, parameters: readonly ParametersOf<P>[]): Promise<Json<V>[]>
  /** Runs SQL on a source (default: the primer's, else the only one); rows as objects. Bound, recorded as a dependency. */
  sql<R = Record<string, JsonValue>>(
    text: string,
    values?: SqlValues,
    options?: { readonly source?: string },
  ): Promise<R[]>
  /** Says that the value depends on something that `invalidateTags` or a change event names. Await it before reading that. */
  tag(name: string): Promise<void>
  /** Says that the value depends on a remote source, by name. Await it before reading it. */
  remote(name: string): Promise<void>
}

/** Who may use it. `requires` is called with verified claims. */
export type Access =
  | 'public'
  | 'authenticated'
  | { readonly scopes: readonly string[] }
  | { readonly groups: readonly string[] }
  | ((claims: Claims | null, parameters: Readonly<Record<string, unknown>>) => boolean)

export type Claims = Readonly<Record<string, JsonValue>>

/** Called before and after; a hook that throws is reported (`fault` event) and, before a change, stops it. */
export interface PrimerHooks {
  readonly beforePrime?: Hook
  readonly afterPrime?: Hook
  readonly beforeSet?: Hook
  readonly afterSet?: Hook
  readonly beforeRefresh?: Hook
  readonly afterRefresh?: Hook
  readonly beforePurge?: Hook
  readonly afterPurge?: Hook
}

export type Hook = (event: HookEvent) => void | Promise<void>

export interface HookEvent {
  readonly key: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** The version published, for `after...` hooks of a prime, set or refresh. */
  readonly version?: number
}

import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonValue } from '../entry/json.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { SqlValues } from '../ports/source.ts'
import type { Access, Change } from '../primer/definition.ts'
import type { SqlStatement } from '../sql/statement.ts'

/** An updater as the cache runs it: what `updater()`, a `.sql` file in `updaters/` and a `.yml` file all become. */
export interface Updater {
  readonly kind: 'updater'
  /** First segment of `/update/{name}/...`; same form as a primer's name. */
  readonly name: string
  readonly description: string | null
  /** What follows the name in the URL, in order. */
  readonly key: ParameterTypes
  /** The fields of the body by name, or a schema for the whole body. */
  readonly body: ParameterTypes | StandardSchemaV1
  /** Fields of `body` that may be missing (bound as null). */
  readonly optional: readonly string[]
  readonly source: string | null
  /** Runs when the row's key is known, else `insert` (see `choose`). */
  readonly update: SqlStatement | null
  readonly insert: SqlStatement | null
  /**
   * How `update` or `insert` is chosen: `key`: update when the URL carries the key, insert when it does not; or the
   * name of a body field whose presence means update (the original KCK's rule).
   */
  readonly choose: 'key' | { readonly field: string }
  /** A write in TypeScript, in place of the statements, inside one transaction. */
  readonly run: ((context: UpdateContext) => unknown | Promise<unknown>) | null
  /** Templates of the product keys it changes, beside those that primers name in `afterUpdates`: `customer_orders/:customer_id`. */
  readonly changes: readonly string[]
  /** `cached`: every write over HTTP waits in the cache store; `direct`: only those that ask for it. */
  readonly mode: 'direct' | 'cached'
  /** Several waiting writes of one key become one; null: each is applied. */
  readonly coalesce: 'last' | Coalesce | null
  /** What a waiting write makes of the products that it names; null: they show it when it is applied. */
  readonly overlay: Overlay | null
  readonly access: Access | null
  readonly hooks: UpdaterHooks
  readonly file: string | null
}

/** The body of one write that stands for two that wait, in the order in which they were accepted; undefined: keep both. */
export type Coalesce = (
  earlier: Readonly<Record<string, unknown>>,
  later: Readonly<Record<string, unknown>>,
) => Readonly<Record<string, unknown>> | undefined

/**
 * A product's value as it will be with a waiting write; undefined: this product stays as it is. Pure, and it may meet a
 * value that has the write already, which it must leave equal: set, do not add.
 */
export type Overlay = (value: JsonValue, write: OverlayWrite) => unknown

export interface OverlayWrite {
  readonly key: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970; when it was accepted. */
  readonly at: number
  readonly product: { readonly name: string; readonly parameters: Readonly<Record<string, unknown>> }
}

export interface UpdateContext {
  readonly key: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
  /** Runs SQL inside the transaction; rows as objects. */
  sql<R = Record<string, JsonValue>>(text: string, values?: SqlValues): Promise<R[]>
  /** Names a product key (or a row, for `augment`) that this write changes. */
  changed(change: Change): void
}

export interface UpdaterHooks {
  readonly beforeUpdate?: (event: UpdateEvent) => void | Promise<void>
  readonly afterUpdate?: (event: UpdateEvent) => void | Promise<void>
}

export interface UpdateEvent {
  readonly updater: string
  readonly key: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
}

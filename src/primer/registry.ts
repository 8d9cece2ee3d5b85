import type { Updater } from '../updater/definition.ts'
import type { AnyPrimer } from './definition.ts'

/** A key, understood: its primer, its typed parameters and its one canonical text. */
export interface ProductKey {
  /** Canonical: what every store, queue and response sees. */
  readonly text: string
  readonly primer: AnyPrimer
  readonly parameters: Readonly<Record<string, unknown>>
}

/** An updater's key from a URL, understood. */
export interface UpdaterKey {
  readonly updater: Updater
  /** Null when the URL names the updater only. */
  readonly parameters: Readonly<Record<string, unknown>> | null
  /** The decoded segments behind the name, for templates; null when there are none. */
  readonly segments: readonly string[] | null
}

/** All primers and updaters of a system, checked against each other when it is made. */
export interface Registry {
  readonly primers: ReadonlyMap<string, AnyPrimer>
  readonly updaters: ReadonlyMap<string, Updater>
  /**
   * Understands `name/segment/...`, segments percent-encoded. Throws `UNKNOWN_PRODUCT`, `BAD_KEY` (form, count, length)
   * or `BAD_PARAMETER` (naming it), before any store is asked.
   */
  parseKey(text: string): ProductKey
  /** The key of a primer for parameters given by code. Throws `BAD_PARAMETER`. */
  keyOf(primer: AnyPrimer, parameters: Readonly<Record<string, unknown>>): ProductKey
  parseUpdaterKey(text: string): UpdaterKey
  /**
   * The product keys that a write names: the updater's `changes` and the primers' `afterUpdates`, with `:name` taken
   * from `values` (URL key, then returned row, then body).
   */
  changedBy(
    updater: Updater,
    values: Readonly<Record<string, unknown>>,
    updaterSegments: readonly string[] | null,
  ): readonly ProductKey[]
  /** The products whose `afterPrimes` name this one. */
  primedBy(key: string): readonly ProductKey[]
  /** Some primer's `afterPrimes` names products of this primer. */
  declaresReaders(primer: string): boolean
}

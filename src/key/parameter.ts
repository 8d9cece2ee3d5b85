import type { SqlParameterType } from '../sql/statement.ts'

/**
 * How one parameter of a key looks as text and as a value. For every value `v` that `check` returns,
 * `parse(format(v))` equals `v`, and no two values share a text: a key means exactly one set of parameters.
 */
export interface ParameterType<T = unknown> {
  /** `int`, `string`, `enum`, ...: for messages, OpenAPI and generated types. */
  readonly name: string
  /** The value written by a decoded segment of a key. Throws `KckError` `BAD_PARAMETER` unless `text` is the canonical text. */
  parse(text: string): T
  /** The canonical text of a value that `check` returned. */
  format(value: T): string
  /** A value handed over by code or a JSON body, checked and made canonical (strings: NFC). Throws `BAD_PARAMETER`. */
  check(value: unknown): T
  /**
   * The same for a field of an updater's body, where it is data and no part of a key (any text, of any length).
   * Missing: `check`.
   */
  checkField?(value: unknown): T
  /** JSON Schema of the value, for OpenAPI. */
  readonly jsonSchema: Readonly<Record<string, unknown>>
  readonly sqlType: SqlParameterType
  /** The JWT claim whose value this parameter must equal, so that a product may depend on who asks. */
  readonly claim?: string
  /** TypeScript text of `T`, for generated declarations. */
  readonly typescript: string
}

// biome-ignore lint/suspicious/noExplicitAny: T stands in both directions, so only any accepts every parameter type.
export type ParameterTypes = Readonly<Record<string, ParameterType<any>>>

/** The values of a record of parameter types: `{ customer_id: number }`. */
export type ParametersOf<P extends ParameterTypes> = {
  readonly [K in keyof P]: P[K] extends ParameterType<infer T> ? T : never
}

/** One SQL statement with named parameters (`:customer_id`), prepared for every kind of source. Built by `parseStatement`. */
export interface SqlStatement {
  /** The text with `:name` placeholders, as the Data API takes it. */
  readonly text: string
  /** The text with `$1`, `$2`, ... */
  readonly positional: string
  /** Parameter names in the order of `$n`. */
  readonly names: readonly string[]
  /** Hint for drivers that must name a parameter's type (the Data API); missing: by the value's own kind. */
  readonly types: Readonly<Record<string, SqlParameterType>>
}

export type SqlParameterType = 'text' | 'int' | 'float' | 'numeric' | 'boolean' | 'date' | 'timestamp' | 'uuid' | 'json'

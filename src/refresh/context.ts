import { JSONPathEnvironment } from 'json-p3'
import type { JsonValue } from '../entry/json.ts'
import { KckError } from '../errors.ts'
import type { QueryResult, Source, SqlValues } from '../ports/source.ts'
import type { ComputeContext, ResultShape } from '../primer/definition.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { SqlStatement } from '../sql/statement.ts'

/** What the compute of one key reads, already recorded as its dependencies. */
export interface Reader {
  product(key: ProductKey): Promise<JsonValue>
  products(keys: readonly ProductKey[]): Promise<readonly JsonValue[]>
  parse(key: string): ProductKey
  keyOf: (primer: Parameters<ComputeContext['getMany']>[0], parameters: Readonly<Record<string, unknown>>) => ProductKey
  query(source: string | null, statement: SqlStatement, values: SqlValues): Promise<QueryResult>
  statement(text: string): Promise<SqlStatement>
  tag(name: string): Promise<void>
  remote(name: string): Promise<void>
}

export function computeContext(
  reader: Reader,
  base: { readonly rows: unknown; readonly signal: AbortSignal; readonly now: number; readonly source: string | null },
): ComputeContext {
  const get = (primer: unknown, parameters?: Readonly<Record<string, unknown>>) =>
    reader.product(typeof primer === 'string' ? reader.parse(primer) : reader.keyOf(primer as never, parameters ?? {}))
  return {
    rows: base.rows,
    signal: base.signal,
    now: base.now,
    // The value of a product is the JSON form of its primer's type: this is where the two meet.
    get: get as ComputeContext['get'],
    getMany: (async (primer: never, list: readonly Readonly<Record<string, unknown>>[]) =>
      reader.products(list.map((parameters) => reader.keyOf(primer, parameters)))) as ComputeContext['getMany'],
    sql: async <R>(text: string, values: SqlValues = {}, options: { readonly source?: string } = {}) =>
      asObjects(await reader.query(options.source ?? base.source, await reader.statement(text), values)) as R[],
    tag: reader.tag,
    remote: reader.remote,
  }
}

/** Picks a source by name; without one, the only one there is. */
export function chooseSource(sources: ReadonlyMap<string, Source>, name: string | null): Source {
  const only = sources.size === 1 ? [...sources.values()][0] : undefined
  const source = name === null ? only : sources.get(name)
  if (source) return source
  throw new KckError(
    'INVALID_DEFINITION',
    name === null ? 'Say which source: there is more than one, or none' : `There is no source named ${name}`,
    { details: { sources: [...sources.keys()] } },
  )
}

export function asObjects(result: QueryResult): Record<string, JsonValue>[] {
  return result.rows.map((row) =>
    Object.fromEntries(result.columns.map((column, index) => [column.name, row[index] ?? null])),
  )
}

const jsonpath = new JSONPathEnvironment()

/** A statement's result as the primer wants it. */
export function shapeResult(result: QueryResult, shape: ResultShape): JsonValue {
  const shaped = shapeRows(result, shape.as)
  if (shape.jsonpathFirst === null) return shaped
  return (jsonpath.match(shape.jsonpathFirst, shaped as never)?.value ?? null) as JsonValue
}

function shapeRows(result: QueryResult, as: ResultShape['as']): JsonValue {
  switch (as) {
    case 'dicts':
      return asObjects(result)
    case 'rows':
      return result.rows
    case 'row':
      return asObjects(result)[0] ?? null
    case 'value':
      return result.rows[0]?.[0] ?? null
  }
}

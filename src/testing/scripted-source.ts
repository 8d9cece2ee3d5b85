import type { JsonValue } from '../entry/json.ts'
import type { QueryResult, Source, SqlValues } from '../ports/source.ts'

type Row = Readonly<Record<string, JsonValue>>

/** The rows that a statement gives, which may also change something. It happens as a whole, at one instant. */
export type Answer = (text: string, values: SqlValues) => readonly Row[] | Promise<readonly Row[]>

/** A source without a database: a function answers its statements. */
export function scriptedSource(name: string, answer: Answer): Source {
  const query = async (statement: { readonly text: string }, values: SqlValues): Promise<QueryResult> => {
    const rows = await answer(statement.text, values)
    const columns = Object.keys(rows[0] ?? {})
    return {
      columns: columns.map((column) => ({ name: column, type: 'text' })),
      rows: rows.map((row) => columns.map((column) => row[column] ?? null)),
      rowCount: rows.length,
    }
  }
  return {
    name,
    query,
    transaction: (work) => work({ query }),
    describe: async () => [],
    ping: async () => undefined,
    close: async () => undefined,
  }
}

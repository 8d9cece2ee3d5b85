import { KckError } from '../../src/errors.ts'
import type { QueryResult, Source, SqlValues } from '../../src/ports/source.ts'
import type { SqlStatement } from '../../src/sql/statement.ts'

/**
 * What the products are made of: counters that only grow, in tables of a database that knows four statements. A value
 * says which change it has seen, so every promise can be checked by comparing numbers.
 */
export class Truth implements Source {
  readonly name = 'shop'
  /** Reads of the table `flaky` fail. */
  failing = false
  readonly #now: () => number
  readonly #onChange: (variable: string) => void
  readonly #counters = new Map<string, number>()
  readonly #history = new Map<string, { readonly n: number; readonly at: number }[]>()

  constructor(now: () => number, onChange: (variable: string) => void) {
    this.#now = now
    this.#onChange = onChange
  }

  /** `table/name` */
  value(variable: string): number {
    return this.#counters.get(variable) ?? 0
  }

  change(variable: string): number {
    const n = this.value(variable) + 1
    this.#counters.set(variable, n)
    const history = this.#history.get(variable) ?? []
    history.push({ n, at: this.#now() })
    this.#history.set(variable, history)
    this.#onChange(variable)
    return n
  }

  /** What it was at a time. */
  valueAt(variable: string, at: number): number {
    return this.#history.get(variable)?.findLast((change) => change.at <= at)?.n ?? 0
  }

  /** When the value after `n` came; undefined: not yet. */
  supersededAt(variable: string, n: number): number | undefined {
    return this.#history.get(variable)?.find((change) => change.n > n)?.at
  }

  async query(statement: SqlStatement, values: SqlValues): Promise<QueryResult> {
    return this.#run(statement.text, String(values['name']))
  }

  async transaction<T>(work: Parameters<Source['transaction']>[0]): Promise<T> {
    return work({ query: async (statement, values) => this.#run(statement.text, String(values['name'])) }) as Promise<T>
  }

  async describe() {
    return []
  }

  async ping() {
    // Always there.
  }

  async close() {
    // Nothing to close.
  }

  #run(text: string, name: string): QueryResult {
    const [, verb, table] = /^(select|update).*?(truth|hidden|flaky)/.exec(text) ?? []
    if (table === 'flaky' && this.failing) throw new KckError('COMPUTE_FAILED', 'the table is broken')
    const n = verb === 'update' ? this.change(`${table}/${name}`) : this.value(`${table}/${name}`)
    const columns = [
      { name: 'n', type: 'int4' },
      { name: 'name', type: 'text' },
    ]
    return { columns, rows: [[n, name]], rowCount: 1 }
  }
}

import { createMemoryRefreshQueue } from '../../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import { KckError } from '../../../src/errors.ts'
import { createKck, type KckDeps } from '../../../src/kck/create-kck.ts'
import { string } from '../../../src/key/string-types.ts'
import type { QueryResult, Source, SqlValues } from '../../../src/ports/source.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { primer } from '../../../src/primer/primer.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { type UpdaterOptions, updater } from '../../../src/updater/updater.ts'

export const NEVER = new AbortController().signal

/** A source of rows that remember every value they were ever given, and its ledger, with real transactions. */
export class RowSource implements Source {
  readonly name = 'shop'
  rows = new Map<string, readonly string[]>()
  applied = new Set<string>()
  hasLedger = false
  isDown = false
  /** Values of this beginning fail so. */
  readonly failing = new Map<string, KckError>()
  transactions = 0
  #last: Promise<unknown> = Promise.resolve()

  async query(statement: { readonly text: string }, values: SqlValues): Promise<QueryResult> {
    this.#check()
    return this.#run(statement.text, values)
  }

  transaction: Source['transaction'] = (work) => {
    const run = async () => {
      this.#check()
      this.transactions += 1
      const before = { rows: new Map(this.rows), applied: new Set(this.applied) }
      try {
        return await work({ query: async ({ text }, values) => this.#run(text, values) })
      } catch (error) {
        Object.assign(this, before)
        throw error
      }
    }
    const running = this.#last.then(run, run)
    this.#last = running
    return running
  }

  async describe() {
    return []
  }
  async ping() {
    this.#check()
  }
  async close() {}

  #check(): void {
    if (this.isDown) throw new KckError('SOURCE_UNAVAILABLE', 'down')
  }

  #run(text: string, values: SqlValues): QueryResult {
    if (text.startsWith('create table')) this.hasLedger = true
    if (/^create (table|index)|^delete from kck_applied/.test(text)) return rowsOf([])
    if (text.startsWith('insert into kck_applied')) return this.#enter(JSON.parse(String(values['ids'])))
    if (text.startsWith('select')) return rowsOf([[this.rows.get(String(values['id'])) ?? []]])
    return this.#write(String(values['id']), String(values['value']))
  }

  #enter(ids: readonly string[]): QueryResult {
    if (!this.hasLedger) {
      const cause = new Error('relation "kck_applied" does not exist')
      throw new KckError('COMPUTE_FAILED', 'refused', { cause, details: { sqlState: '42P01' } })
    }
    const entered = ids.filter((id) => !this.applied.has(id))
    for (const id of entered) this.applied.add(id)
    return rowsOf(entered.map((id) => [id]))
  }

  #write(id: string, value: string): QueryResult {
    for (const [start, error] of this.failing) if (value.startsWith(start)) throw error
    if (id === 'missing') return rowsOf([])
    this.rows.set(id, [...(this.rows.get(id) ?? []), value])
    return rowsOf([[id]])
  }
}

function rowsOf(rows: QueryResult['rows']): QueryResult {
  return { columns: [{ name: 'id', type: 'text' }], rows, rowCount: rows.length }
}

export const violation = new KckError('COMPUTE_FAILED', 'The database refused the statement (SQLSTATE 23514)', {
  details: { sqlState: '23514' },
})

/** One product per row, and an updater that sets it: `set/7` changes `row/7`. */
export function definitions(options: Partial<UpdaterOptions<Record<string, never>, Record<string, never>>> = {}) {
  const row = primer({
    name: 'row',
    source: 'shop',
    parameters: { id: string() },
    softTtl: '1h',
    async compute({ sql }, { id }) {
      const [found] = await sql<{ id: readonly string[] }>('select values from things where id = :id', { id })
      return { values: found?.id ?? [] }
    },
  })
  const set = updater({
    name: 'set',
    key: { id: string() },
    body: { value: string() },
    source: 'shop',
    update: 'update things set value = :value where id = :id returning id',
    insert: "insert into things (id, value) values ('new', :value) returning id",
    changes: ['row/:id'],
    ...(options as object),
  })
  return createRegistry({ primers: [row], updaters: [set] })
}

export function world(given: Partial<KckDeps> & { readonly updater?: Parameters<typeof definitions>[0] } = {}) {
  const clock = (given.clock as VirtualClock | undefined) ?? new VirtualClock()
  const entropy = given.entropy ?? new SeededEntropy(1)
  const store = given.store ?? openMemoryStore({ clock })
  const source = (given.sources?.get('shop') as RowSource | undefined) ?? new RowSource()
  const registry = given.registry ?? definitions(given.updater)
  const parts = {
    clock,
    entropy,
    store,
    registry,
    queue: given.queue ?? createMemoryRefreshQueue({ clock, entropy }),
    sources: given.sources ?? new Map([['shop', source]]),
  }
  const kck = createKck({ ...parts, options: { nearCacheBytes: 0, nearCacheMaxAgeMs: 0, ...given.options } })
  return { ...parts, kck, source, drain: () => clock.run(kck.writes.worker.drain(NEVER)) }
}

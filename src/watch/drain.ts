import type { JsonValue } from '../entry/json.ts'
import { emit } from '../events.ts'
import type { Kck, TableChange } from '../kck/kck.ts'
import type { Source } from '../ports/source.ts'
import { statementOf } from '../sql/parse.ts'
import { plain, SCHEMA } from './sql.ts'

export interface DrainDeps {
  readonly kck: Pick<Kck, 'changed'>
  readonly source: Source
}

/** Statements of one batch, and bytes of what they say: the Data API answers with 1 MiB at most. */
const BATCH = 500
const BATCH_BYTES = 500_000

const READ = plain(`select id::text, source_table, rows, age from (
    select *, sum(coalesce(octet_length(rows::text), 0)) over (order by id) as bytes, row_number() over (order by id) as place,
      (extract(epoch from clock_timestamp() - at) * 1000)::int8 as age
    from (select * from ${SCHEMA}.outbox order by id limit ${BATCH}) oldest
  ) measured where place = 1 or bytes <= ${BATCH_BYTES} order by id::int8`)

const DELETE = `delete from ${SCHEMA}.outbox where id = any(:ids::int8[])`

/**
 * Marks what rests on the changes that wait in the outbox, oldest first, until there are none; returns how many there were.
 * A change leaves the outbox when everything that rests on it is marked: a process that dies in between leaves it to the
 * next, which marks once more. Ids are given out before their transactions commit, so one may come in below others that
 * are done; it is found like any other, since only what was marked is deleted.
 */
export async function drain({ kck, source }: DrainDeps, signal: AbortSignal): Promise<number> {
  let drained = 0
  for (;;) {
    signal.throwIfAborted()
    const { rows } = await source.query(READ, {}, { signal })
    if (rows.length === 0) return drained
    const tables = rows.flatMap(([, table, changed]) => changesOf(source.name, String(table), changed ?? null))
    await kck.changed({ tables }, { cause: `change of ${namesOf(tables)}`, signal })
    await source.query(statementOf(DELETE), { ids: rows.map(([id]) => id ?? '') }, { signal })
    drained += rows.length
    const lagMs = Math.max(0, ...rows.map(([, , , age]) => Number(age)))
    emit({ type: 'watch', source: source.name, changes: rows.length, lagMs })
  }
}

function changesOf(source: string, table: string, rows: JsonValue): readonly TableChange[] {
  if (!Array.isArray(rows)) return [{ source, table }]
  return rows.map((row) => ({ source, table, row: row as Readonly<Record<string, JsonValue>> }))
}

function namesOf(tables: readonly TableChange[]): string {
  return [...new Set(tables.map(({ table }) => table))].slice(0, 3).join(', ')
}

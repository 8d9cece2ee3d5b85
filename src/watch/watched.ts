import { KckError } from '../errors.ts'
import type { Source, SourceTransaction } from '../ports/source.ts'
import { asObjects } from '../refresh/context.ts'
import { statementOf } from '../sql/parse.ts'
import { plain, quoted, SCHEMA, type WatchedColumn } from './sql.ts'

type Asked = Pick<Source | SourceTransaction, 'query'>

/** A table as it is to be watched, or is. */
export interface Table {
  /** `sales.orders`. */
  readonly name: string
  /** The same, as a statement writes it. */
  readonly quoted: string
  readonly oid: number
  /** The function that its triggers call; null: it is not watched. */
  readonly watchedBy: string | null
  /** All of its triggers are there and enabled. */
  readonly complete: boolean
  readonly columns: readonly TableColumn[]
}

export interface TableColumn extends WatchedColumn {
  /** It is of an index or a foreign key, so somebody looks rows up by it. */
  readonly isKey: boolean
  /** Values of its type that are equal print alike, so that a changed row can be told by it. */
  readonly comparable: boolean
}

const FIND = `select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind,
    (select p.proname from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
      where t.tgrelid = c.oid and not t.tgisinternal and pn.nspname = '${SCHEMA}' limit 1) as watched_by,
    (select count(*) from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
      where t.tgrelid = c.oid and not t.tgisinternal and pn.nspname = '${SCHEMA}' and t.tgenabled <> 'D') as triggers
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass(:name)`

// bool, int8, int2, int4, text, varchar, date, uuid; what of them a case-insensitive collation compares is left out.
const COLUMNS = `select a.attname as name, t.typname as type,
    coalesce((select bool_or(i.indisprimary) from pg_index i
      where i.indrelid = a.attrelid and a.attnum = any(i.indkey::int2[])), false) as is_unique,
    exists (select from pg_index i where i.indrelid = a.attrelid and a.attnum = any(i.indkey::int2[]))
      or exists (select from pg_constraint f
        where f.conrelid = a.attrelid and f.contype = 'f' and a.attnum = any(f.conkey)) as is_key,
    (t.oid in (16, 20, 21, 23, 25, 1043, 1082, 2950) or t.typtype = 'e')
      and coalesce((select l.collisdeterministic from pg_collation l where l.oid = a.attcollation), true) as comparable
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  where a.attrelid = :oid and a.attnum > 0 and not a.attisdropped order by a.attnum`

/** A table by the name that a statement would find it under. Throws `NOT_FOUND`, or `BAD_REQUEST` for what is no table. */
export async function findTable(source: Asked, name: string): Promise<Table> {
  const [found] = asObjects(await source.query(statementOf(FIND), { name }))
  if (!found) throw new KckError('NOT_FOUND', `There is no table ${name}`)
  const { schema, name: own, kind, oid, watched_by: watchedBy, triggers } = found
  if (kind !== 'r' && kind !== 'p')
    throw new KckError('BAD_REQUEST', `${name} is a view or a foreign table; watch tables`)
  const columns = asObjects(await source.query(statementOf(COLUMNS), { oid: oid as number }))
  return {
    name: `${schema}.${own}`,
    quoted: `${quoted(String(schema))}.${quoted(String(own))}`,
    oid: Number(oid),
    watchedBy: watchedBy === null ? null : String(watchedBy),
    complete: Number(triggers) === 4,
    columns: columns.map((column) => ({
      name: String(column['name']),
      type: String(column['type']),
      unique: column['is_unique'] === true,
      isKey: column['is_key'] === true,
      comparable: column['comparable'] === true,
    })),
  }
}

export async function hasSchema(source: Asked): Promise<boolean> {
  const { rows } = await source.query(plain(`select to_regclass('${SCHEMA}.outbox') is not null as installed`), {})
  return rows[0]?.[0] === true
}

export interface WatchStatus {
  /** Statements that wrote something and are not drained yet. */
  readonly waiting: number
  /** Milliseconds that the oldest of them has waited, by the database's clock. */
  readonly lagMs: number
  readonly tables: readonly { readonly table: string; readonly enabled: boolean }[]
}

const LAG = plain(`select count(*)::int4, coalesce(extract(epoch from clock_timestamp() - min(at)) * 1000, 0)::int8
  from ${SCHEMA}.outbox`)

const WATCHED = plain(`select n.nspname || '.' || c.relname, count(*) = 4 and bool_and(t.tgenabled <> 'D')
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
  where pn.nspname = '${SCHEMA}' and not t.tgisinternal group by 1 order by 1`)

/** How far the drain is behind. */
export async function lagOf(
  source: Pick<Source, 'query'>,
  signal?: AbortSignal,
): Promise<Pick<WatchStatus, 'waiting' | 'lagMs'>> {
  const { rows } = await source.query(LAG, {}, signal ? { signal } : {})
  return { waiting: Number(rows[0]?.[0] ?? 0), lagMs: Math.max(0, Number(rows[0]?.[1] ?? 0)) }
}

export async function watchStatus(source: Source): Promise<WatchStatus> {
  if (!(await hasSchema(source))) return { waiting: 0, lagMs: 0, tables: [] }
  const { rows } = await source.query(WATCHED, {})
  const tables = rows.map(([table, enabled]) => ({ table: String(table), enabled: enabled === true }))
  return { ...(await lagOf(source)), tables }
}

import type { SqlStatement } from '../sql/statement.ts'

/**
 * What watching a table puts into the user's database, all of it in the schema `kck_watch`: one table, and one function for
 * each table that is watched, called by four statement-level triggers.
 */
export const SCHEMA = 'kck_watch'
export const CHANNEL = 'kck_watch'

/** Sets of values that one statement writes down; a statement that touched more says so of all the table. */
const MOST_ROWS = 1_000
/** Bytes of them as JSON. */
const MOST_BYTES = 100_000

export interface WatchedColumn {
  readonly name: string
  /** Of the primary key: of every row another one, so left out first where there are too many. */
  readonly unique: boolean
  /** PostgreSQL's name of its type. */
  readonly type: string
}

/** A statement of ours, which has no parameters. */
export function plain(text: string): SqlStatement {
  return { text, positional: text, names: [], types: {} }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export const CREATE_SCHEMA: readonly SqlStatement[] = [
  plain(`create schema ${SCHEMA}`),
  // Dead rows lie where the drain begins to read.
  plain(`create table ${SCHEMA}.outbox (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    source_table text not null,
    rows jsonb
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)`),
]

export const DROP_SCHEMA: readonly SqlStatement[] = [
  plain(`drop table ${SCHEMA}.outbox`),
  plain(`drop schema ${SCHEMA}`),
]

/**
 * The function of one table. It never fails for what became of the table since (a column is gone): then any row may have
 * changed. It runs as whoever installed it, so that nobody who writes to the table needs rights here.
 */
export function captureFunction(
  name: string,
  columns: readonly WatchedColumn[],
  { notify }: { readonly notify: boolean },
): SqlStatement {
  const fine = list(columns)
  const coarse = list(columns.filter(({ unique }) => !unique))
  return plain(`create or replace function ${SCHEMA}.${quoted(name)}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $kck$
declare
  changed jsonb;
  own bigint;
begin
  if TG_OP <> 'TRUNCATE' then
    begin
      ${pick(fine)}
      if changed is not null and jsonb_array_length(changed) = 0 then return null; end if;
      if jsonb_array_length(changed) > ${MOST_ROWS} then ${pick(coarse)} end if;
      if jsonb_array_length(changed) > ${MOST_ROWS} or octet_length(changed::text) > ${MOST_BYTES} then
        changed = null;
      end if;
    exception when others then
      changed = null;
    end;
  end if;
  insert into ${SCHEMA}.outbox (source_table, rows)
    values (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, changed) returning id into own;
  ${notify ? NOTIFY : ''}
  return null;
end
$kck$`)
}

// Commits that notify wait for one another. Where changes come faster than they are drained, one was told of already; if
// that is drained at just this moment, the next look of the drain finds this one.
const NOTIFY = `if not exists (select from ${SCHEMA}.outbox where id between own - 50 and own - 1) then
    perform pg_notify('${CHANNEL}', '');
  end if;`

/** Numbers beyond 2^53 are kept as text; what else is listed prints the same everywhere in JSON. */
function list(columns: readonly WatchedColumn[]): string {
  if (columns.length === 0) return `true as "?"`
  return columns
    .map(({ name, type }) => (type === 'int8' ? `${quoted(name)}::text as ${quoted(name)}` : quoted(name)))
    .join(', ')
}

function pick(columns: string): string {
  const into = (rows: string) =>
    `select coalesce(jsonb_agg(to_jsonb(k)), '[]') into changed from (select distinct ${columns} from ${rows} limit ${MOST_ROWS + 1}) k;`
  const both = '(select * from kck_old union all select * from kck_new) both_rows'
  return `if TG_OP = 'INSERT' then ${into('kck_new')} elsif TG_OP = 'DELETE' then ${into('kck_old')} else ${into(both)} end if;`
}

const EVENTS = [
  ['insert', 'referencing new table as kck_new'],
  ['update', 'referencing old table as kck_old new table as kck_new'],
  ['delete', 'referencing old table as kck_old'],
  ['truncate', ''],
] as const

/** `table`: quoted, with its schema. */
export function createTriggers(table: string, name: string): readonly SqlStatement[] {
  return EVENTS.map(([event, rows]) =>
    plain(
      `create trigger kck_watch_${event} after ${event} on ${table} ${rows} for each statement execute function ${SCHEMA}.${quoted(name)}()`,
    ),
  )
}

export function dropTriggers(table: string): readonly SqlStatement[] {
  return EVENTS.map(([event]) => plain(`drop trigger if exists kck_watch_${event} on ${table}`))
}

export function dropFunction(name: string): SqlStatement {
  return plain(`drop function ${SCHEMA}.${quoted(name)}()`)
}

import { KckError } from '../errors.ts'
import type { Source, SourceTransaction } from '../ports/source.ts'
import { statementOf } from '../sql/parse.ts'

/** How long the source remembers which writes it has, and so for how long a repeated `Idempotency-Key` counts once. */
const KEPT = '7 days'

const ENTER = `insert into kck_applied (id, shard)
  select value, :shard from json_array_elements_text(cast(:ids as json))
  on conflict (id) do nothing returning id`
const CREATE = `create table if not exists kck_applied (
  id text primary key, shard integer not null, applied_at timestamptz not null default now())`
const FORGET = `delete from kck_applied where shard = :shard and applied_at < now() - interval '${KEPT}'`

/**
 * Notes the writes as applied, in the transaction that applies them; returns those that were not before. Waits for
 * another transaction that is about to apply one of them.
 */
export async function enter(
  transaction: SourceTransaction,
  shard: number,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await transaction.query(statementOf(ENTER), { shard, ids: JSON.stringify(ids) })
  return new Set(rows.map(([id]) => String(id)))
}

/** Whether an error means that the source has no such table yet. */
export function isMissing(error: unknown): boolean {
  return error instanceof KckError && error.details['sqlState'] === '42P01' && mentionsLedger(error.cause)
}

// The updater's own SQL may name a table that is not there, too.
function mentionsLedger(cause: unknown): boolean {
  return String((cause as { message?: unknown } | null)?.message ?? cause).includes('kck_applied')
}

export async function createLedger(source: Source, signal: AbortSignal): Promise<void> {
  await source.query(statementOf(CREATE), {}, { signal, priority: 'background' }).catch((error: unknown) => {
    // Somebody else made it at the same time.
    const state = error instanceof KckError ? error.details['sqlState'] : undefined
    if (state !== '23505' && state !== '42P07') throw error
  })
}

/** Forgets old writes of a log. To be called when all that were applied lie below what is done. */
export async function forgetOld(source: Source, shard: number, signal: AbortSignal): Promise<void> {
  await source.query(statementOf(FORGET), { shard }, { signal, priority: 'background' })
}

import { asKckError, KckError } from '../errors.ts'
import type { Source, SourceTransaction } from '../ports/source.ts'
import { statementOf } from '../sql/parse.ts'

/** How long the source remembers which writes it has, and so for how long a repeated `Idempotency-Key` counts once. */
const KEPT = '7 days'

const ENTER = `insert into kck_applied (id, shard)
  select value, cast(:shard as integer) from json_array_elements_text(cast(:ids as json))
  on conflict (id) do nothing returning id`
/** The table, for whoever makes it beforehand. */
export const CREATE_LEDGER: readonly string[] = [
  `create table if not exists kck_applied (
    id text primary key, shard integer not null, applied_at timestamptz not null default now())`,
  'create index if not exists kck_applied_by_time on kck_applied (shard, applied_at)',
]
const FORGET = `delete from kck_applied where shard = cast(:shard as integer) and applied_at < now() - interval '${KEPT}'`

/**
 * Notes the writes as applied, in the transaction that applies them; returns those that were not before. Waits for
 * another transaction that is about to apply one of them.
 */
export async function enter(
  transaction: SourceTransaction,
  shard: number,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await transaction
    .query(statementOf(ENTER), { shard, ids: JSON.stringify(ids) })
    .catch((error: unknown) => {
      throw ofLedger(error)
    })
  return new Set(rows.map(([id]) => String(id)))
}

/** Whether an error says that the source has no such table yet. */
export function isMissing(error: unknown): boolean {
  return isOfLedger(error) && stateOf(error.cause) === '42P01'
}

/** Whether the note failed, which is no fault of any write. */
export function isOfLedger(error: unknown): error is KckError {
  return error instanceof KckError && error.details['ledger'] === true
}

export async function createLedger(source: Source, signal: AbortSignal): Promise<void> {
  for (const text of CREATE_LEDGER) {
    await source.query(statementOf(text), {}, { signal, priority: 'background' }).catch((error: unknown) => {
      // Somebody else made it at the same time.
      if (!['23505', '42P07'].includes(stateOf(error) ?? '')) throw ofLedger(error)
    })
  }
}

function ofLedger(cause: unknown): KckError {
  // What passes is what it was.
  if (stateOf(cause) === undefined) return asKckError(cause)
  return new KckError('SOURCE_UNAVAILABLE', 'The source cannot note cached writes; see the table kck_applied', {
    cause,
    details: { ledger: true },
  })
}

function stateOf(error: unknown): string | undefined {
  const state = error instanceof KckError ? error.details['sqlState'] : undefined
  return typeof state === 'string' ? state : undefined
}

/** Forgets old writes of a log. To be called when all that were applied lie below what is done. */
export async function forgetOld(source: Source, shard: number, signal: AbortSignal): Promise<void> {
  await source.query(statementOf(FORGET), { shard }, { signal, priority: 'background' })
}

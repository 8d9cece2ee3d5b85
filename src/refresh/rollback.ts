import { valueInBody } from '../entry/body.ts'
import type { Materialization, StoredEntry } from '../entry/entry.ts'
import { loadBody } from '../fetch/fetched-body.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { Held } from './publish.ts'

/**
 * A deployment changes a primer, and sometimes the next one changes it back. The last value of the former definition is
 * kept beside the row, so that a rollback computes nothing that is still right.
 */
export async function tryRollback(
  deps: { readonly entries: EntryStore },
  product: ProductKey,
  { row }: Held,
  at: { readonly signal: AbortSignal; readonly now: number },
): Promise<{ readonly value: Materialization; readonly valueJson: string } | null> {
  const value = row.superseded
  if (!value || row.value?.primerRevision === product.primer.revision) return null
  const isRight =
    value.primerRevision === product.primer.revision &&
    value.builtEpoch === row.epoch &&
    (value.softExpiresAt === null || at.now < value.softExpiresAt) &&
    (value.hardExpiresAt === null || at.now < value.hardExpiresAt)
  const body = isRight ? await loadBody(deps.entries, product.text, value.body, at.signal) : null
  return body && { value, valueJson: JSON.stringify(valueInBody(await body.bytes('identity'))) }
}

/** What to keep of a value that another definition of the primer made; null when a change has made it wrong. */
export async function supersededBy(
  deps: { readonly entries: EntryStore },
  product: ProductKey,
  before: StoredEntry,
): Promise<Materialization | null> {
  const value = before.row?.value
  if (!value || value.builtEpoch !== before.row?.epoch || before.marks.length > 0) return null
  const { body } = value
  if (body.inline === null) return value
  // Only the value itself lies in the row; this one moves out.
  const chunked = { ...body, id: `${body.id}:s`, inline: null, chunks: 1, chunksExpireAt: null }
  await deps.entries.putChunks(product.text, chunked.id, [body.inline], null)
  return { ...value, body: chunked }
}

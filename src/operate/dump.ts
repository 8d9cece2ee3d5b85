import { valueInBody } from '../entry/body.ts'
import type { EntryRow, Materialization, StoredEntry } from '../entry/entry.ts'
import { pendingMarks } from '../entry/freshness.ts'
import type { JsonValue } from '../entry/json.ts'
import { loadBody, type MemoryBody } from '../fetch/fetched-body.ts'
import type { Store } from '../ports/store.ts'
import type { Registry } from '../primer/registry.ts'
import { keyOfDependent, primerNode } from '../refresh/recorder.ts'
import type { DumpedEntry, DumpPage, KeyQuery } from './contract.ts'
import { primerNamed } from './keys.ts'

/** The entries of one primer, a page at a time. An entry that changes meanwhile is dumped as it was or as it is. */
export async function dumpPage(
  { registry, store }: { readonly registry: Registry; readonly store: Store },
  query: KeyQuery,
  signal?: AbortSignal,
): Promise<DumpPage> {
  const call = signal ? { signal } : {}
  const page = { limit: query.limit ?? 100, ...(query.after === undefined ? {} : { after: query.after }) }
  const node = primerNode(primerNamed(registry, query.primer).name)
  const { keys, next } = await store.lineage.dependents(node, page, call)
  const names = [...new Set(keys.map(keyOfDependent))]
  const found = names.length === 0 ? [] : await store.entries.getMany(names, { ...call, consistency: 'latest' })
  const entries: DumpedEntry[] = []
  const damaged: string[] = []
  for (const entry of found) {
    const value = entry.row?.value
    if (!value) continue
    const body = await loadBody(store.entries, entry.key, value.body, signal)
    if (body) entries.push(await dumpedOf(entry, entry.row, value, body))
    else damaged.push(entry.key)
  }
  return { entries, damaged, ...(next === undefined ? {} : { next }) }
}

async function dumpedOf(
  entry: StoredEntry,
  row: EntryRow,
  value: Materialization,
  body: MemoryBody,
): Promise<DumpedEntry> {
  const [mark] = pendingMarks(entry)
  const isDirty = value.builtEpoch !== row.epoch || mark !== undefined
  return {
    format: 1,
    key: entry.key,
    // What a stored body holds was written from a JsonValue.
    value: valueInBody(await body.bytes('identity')) as JsonValue,
    version: value.version,
    lastVersion: row.lastVersion,
    modified: value.modified,
    asOf: value.asOf,
    softExpiresAt: value.softExpiresAt,
    hardExpiresAt: value.hardExpiresAt,
    costMs: value.costMs,
    primerRevision: value.primerRevision,
    dirty: isDirty
      ? { at: row.dirtyAt ?? mark?.at ?? value.modified, cause: row.dirtyCause ?? mark?.cause ?? 'a change' }
      : null,
    inputs: value.inputs,
    ancestors: value.ancestors,
    failure: row.failure,
    readAt: row.readAt ?? null,
    history: row.history ?? [],
  }
}

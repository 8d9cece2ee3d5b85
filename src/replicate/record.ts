import type { EntryRow, Materialization, StoredEntry } from '../entry/entry.ts'
import { pendingMarks } from '../entry/freshness.ts'
import { emptyRow } from '../entry/transitions.ts'
import { MemoryBody } from '../fetch/fetched-body.ts'

/** An entry as replicas hold it: what a reader needs to judge it, and the bytes it is served as. */
export interface Replicated {
  /** Enough for `freshness` and an answer. Never to be written back: its `rev` is no row's. */
  readonly entry: StoredEntry
  readonly body: MemoryBody
  /** As it stands in the log. */
  readonly record: Uint8Array
}

/** The part before the body, as JSON. */
interface Facts {
  readonly key: string
  readonly value: Omit<Materialization, 'inputs' | 'ancestors'>
  /** The value rests on an older epoch than the row's. */
  readonly dirty: Pick<EntryRow, 'dirtyAt' | 'dirtyCause'> | null
  /** The oldest change that only marks tell of. */
  readonly mark: { readonly at: number; readonly cause: string } | null
  readonly failure: EntryRow['failure']
}

/** The record of an entry and the stored bytes of its body: length of the JSON (4 bytes), JSON, body. */
export function encodeReplicated(entry: StoredEntry, row: EntryRow, stored: Uint8Array): Uint8Array | null {
  if (!row.value) return null
  const { inputs: _inputs, ancestors: _ancestors, body, ...value } = row.value
  const [first, ...others] = pendingMarks(entry)
  const oldest = first && others.reduce((least, mark) => (mark.at < least.at ? mark : least), first)
  const facts: Facts = {
    key: entry.key,
    value: { ...value, body: { ...body, inline: null } },
    dirty: value.builtEpoch === row.epoch ? null : { dirtyAt: row.dirtyAt, dirtyCause: row.dirtyCause },
    mark: oldest ? { at: oldest.at, cause: oldest.cause } : null,
    failure: row.failure,
  }
  const json = Buffer.from(JSON.stringify(facts))
  const record = Buffer.allocUnsafeSlow(4 + json.length + stored.length)
  record.writeUInt32LE(json.length)
  record.set(json, 4)
  record.set(stored, 4 + json.length)
  return record
}

export function decodeReplicated(record: Uint8Array): Replicated {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  const end = 4 + bytes.readUInt32LE()
  const { key, value, dirty, mark, failure } = JSON.parse(bytes.toString('utf8', 4, end)) as Facts
  const row: EntryRow = {
    ...emptyRow(key),
    rev: -1,
    epoch: value.builtEpoch + (dirty ? 1 : 0),
    ...dirty,
    value: { ...value, inputs: [], ancestors: [] },
    failure,
    lastVersion: value.version,
  }
  const marks = mark ? [{ id: 'replicated', ...mark, upstream: false }] : []
  return { entry: { key, row, marks }, body: new MemoryBody(value.body, bytes.subarray(end)), record }
}

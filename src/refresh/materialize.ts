import type { Compression } from '../entry/body.ts'
import { encodeBody, hash } from '../entry/body.ts'
import type { Body, EntryRow, Materialization } from '../entry/entry.ts'
import type { EntryStore } from '../ports/entry-store.ts'

/** Chunks outlive what points to them by this much, so that no reader finds a piece missing. */
const CHUNK_GRACE_MS = 3_600_000

/** No body has more: what is not known to be there is deleted up to here. */
export const CHUNKS_AT_MOST = 256

export interface NewValue {
  readonly key: string
  readonly valueJson: string
  /** Milliseconds; when the sources were read. */
  readonly asOf: number
  readonly softTtlMs: number | null
  readonly hardTtlMs: number | null
  readonly primerRevision: string
  readonly inputs: Materialization['inputs']
  readonly ancestors: Materialization['ancestors']
  readonly costMs: number
  /** Unique; names the chunks of the body. */
  readonly bodyId: string
  /** Id of a stored body that cannot be read. */
  readonly damaged?: string | undefined
}

/**
 * Turns a value into what the row will point to, and writes its chunks. A value equal to the one before keeps its
 * version, `modified` and body: nothing changed for anybody downstream.
 */
export async function materialize(
  deps: { readonly entries: EntryStore; readonly compression: Compression },
  row: EntryRow | null,
  value: NewValue,
  now: number,
): Promise<Omit<Materialization, 'builtEpoch'>> {
  const contentHash = hash(value.valueJson)
  const hardExpiresAt = value.hardTtlMs === null ? null : value.asOf + value.hardTtlMs
  const before = row?.value?.contentHash === contentHash ? row.value : null
  const version = before?.version ?? Math.max((row?.lastVersion ?? 0) + 1, now)
  const modified = before?.modified ?? now
  const stamp = {
    version,
    modified,
    asOf: value.asOf,
    softExpiresAt: value.softTtlMs === null ? null : value.asOf + value.softTtlMs,
    hardExpiresAt,
    contentHash,
    primerRevision: value.primerRevision,
    inputs: value.inputs,
    ancestors: value.ancestors,
    costMs: value.costMs,
  }
  if (before && before.body.id !== value.damaged && outlives(before.body, hardExpiresAt))
    return { ...stamp, body: before.body }
  // Twice the life of the value, so that re-stamping an unchanged one need not write its chunks each time.
  const chunksExpireAt = hardExpiresAt === null ? null : hardExpiresAt + (value.hardTtlMs ?? 0) + CHUNK_GRACE_MS
  const { body, chunks } = await encodeBody(
    { key: value.key, valueJson: value.valueJson, version, modified },
    { id: value.bodyId, compression: deps.compression, chunksExpireAt },
  )
  if (chunks.length > 0) await deps.entries.putChunks(value.key, body.id, chunks, chunksExpireAt)
  return { ...stamp, body }
}

function outlives(body: Body, hardExpiresAt: number | null): boolean {
  if (body.chunksExpireAt === null) return true
  return hardExpiresAt !== null && body.chunksExpireAt >= hardExpiresAt + CHUNK_GRACE_MS
}

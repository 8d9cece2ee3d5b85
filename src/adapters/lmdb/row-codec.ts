import type { EntryRow } from '../../entry/entry.ts'

/**
 * A row as bytes: its rev (double), the length of its JSON (with the highest bit set when inline bytes follow), the
 * JSON without the inline bytes, and those bytes as they are.
 */
const INLINE = 0x8000_0000

export function encodeRow(row: EntryRow): Uint8Array[] {
  const { value } = row
  const inline = value?.body.inline ?? null
  const bare = inline && value ? { ...row, value: { ...value, body: { ...value.body, inline: null } } } : row
  const json = Buffer.from(JSON.stringify(bare))
  const head = Buffer.allocUnsafe(12)
  head.writeDoubleLE(row.rev, 0)
  head.writeUInt32LE((json.length | (inline ? INLINE : 0)) >>> 0, 8)
  return inline ? [head, json, inline] : [head, json]
}

/** The row; its inline bytes are a view of `payload`. */
export function decodeRow(payload: Buffer): EntryRow {
  const lengths = payload.readUInt32LE(8)
  const end = 12 + (lengths & ~INLINE)
  const row = JSON.parse(payload.toString('utf8', 12, end)) as EntryRow
  if (lengths & INLINE && row.value) Object.assign(row.value.body, { inline: payload.subarray(end) })
  return row
}

export function revOf(payload: Buffer): number {
  return payload.readDoubleLE(0)
}

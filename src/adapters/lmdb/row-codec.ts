import type { EntryRow } from '../../entry/entry.ts'

/**
 * A row as bytes: its rev (double), the length of its JSON (with the highest bit set when inline bytes follow), the
 * JSON without `key` and without the inline bytes, and those bytes as they are.
 */
const INLINE = 0x8000_0000

export function encodeRow(row: EntryRow): Uint8Array[] {
  const { key: _, ...content } = row
  const inline = row.value?.body.inline ?? null
  const json = Buffer.from(JSON.stringify(inline ? withInline(content, null) : content))
  const head = Buffer.allocUnsafe(12)
  head.writeDoubleLE(row.rev, 0)
  head.writeUInt32LE((json.length | (inline ? INLINE : 0)) >>> 0, 8)
  return inline ? [head, json, inline] : [head, json]
}

/** The row; its inline bytes are a view of `payload`. */
export function decodeRow(key: string, payload: Buffer): EntryRow {
  const lengths = payload.readUInt32LE(8)
  const end = 12 + (lengths & ~INLINE)
  const content = JSON.parse(payload.toString('utf8', 12, end)) as Omit<EntryRow, 'key'>
  return { key, ...(lengths & INLINE ? withInline(content, payload.subarray(end)) : content) }
}

export function revOf(payload: Buffer): number {
  return payload.readDoubleLE(0)
}

function withInline<R extends Pick<EntryRow, 'value'>>(row: R, inline: Uint8Array | null): R {
  return row.value ? { ...row, value: { ...row.value, body: { ...row.value.body, inline } } } : row
}

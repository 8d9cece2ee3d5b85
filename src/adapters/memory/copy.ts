import type { EntryRow } from '../../entry/entry.ts'

/** A frozen copy that shares nothing with `row`. */
export function frozenRow(row: EntryRow): EntryRow {
  return frozenCopy(row)
}

/** A row to hand out: frozen, with bytes of its own, because bytes cannot be frozen. */
export function handOut(row: EntryRow): EntryRow {
  const inline = row.value?.body.inline
  return inline ? withInline(row, new Uint8Array(inline)) : row
}

function withInline(row: EntryRow, inline: Uint8Array | null): EntryRow {
  return row.value ? { ...row, value: { ...row.value, body: { ...row.value.body, inline } } } : row
}

/** Of what JSON can say, and bytes. Many times faster than `structuredClone`. */
function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  // Bytes cannot be frozen.
  if (value instanceof Uint8Array) return new Uint8Array(value) as T
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as T
  const copy: Record<string, unknown> = {}
  for (const [name, part] of Object.entries(value)) copy[name] = frozenCopy(part)
  return Object.freeze(copy) as T
}

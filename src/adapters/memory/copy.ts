import type { EntryRow } from '../../entry/entry.ts'

/** A frozen copy that shares nothing with `row`. */
export function frozenRow(row: EntryRow): EntryRow {
  return freeze(structuredClone(withInline(row, null)), row.value?.body.inline)
}

/** A row to hand out: frozen, with bytes of its own, because bytes cannot be frozen. */
export function handOut(row: EntryRow): EntryRow {
  const inline = row.value?.body.inline
  return inline ? withInline(row, new Uint8Array(inline)) : row
}

function freeze(row: EntryRow, inline: Uint8Array | null | undefined): EntryRow {
  return deepFreeze(inline ? withInline(row, new Uint8Array(inline)) : row)
}

function withInline(row: EntryRow, inline: Uint8Array | null): EntryRow {
  return row.value ? { ...row, value: { ...row.value, body: { ...row.value.body, inline } } } : row
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

import type { Body, EntryRow, Mark, Materialization, StoredEntry } from '../../src/entry/entry.ts'

const NOW = Date.UTC(2026, 10, 20)

/** A row with a value whose every field is set. */
export function sampleRow(key: string, changes: Partial<EntryRow> = {}): EntryRow {
  return {
    key,
    rev: 1,
    ops: ['op-1'],
    epoch: 3,
    absorbed: ['mark-1', 'mark-2'],
    dirtyAt: NOW - 5,
    dirtyCause: 'update order_status/7',
    dirtyDirect: true,
    requested: { at: NOW - 4, lane: 'hot', cause: 'stale-read' },
    value: sampleValue(`body-of-${key}`),
    superseded: null,
    lease: { token: 'token-1', until: NOW + 30_000, epoch: 3, since: NOW },
    failure: {
      attempts: 2,
      code: 'COMPUTE_FAILED',
      message: 'The primer threw',
      at: NOW - 9,
      primerRevision: 'r1',
      epoch: 3,
      retryAt: NOW + 1000,
    },
    lastVersion: NOW - 1,
    retired: [{ id: 'body-0', chunks: 2, at: NOW - 60_000 }],
    removeAt: null,
    ...changes,
  }
}

/** A row of a key of which nothing is known yet. */
export function emptyRow(key: string, changes: Partial<EntryRow> = {}): EntryRow {
  return {
    key,
    rev: 1,
    ops: [],
    epoch: 0,
    absorbed: [],
    dirtyAt: null,
    dirtyCause: null,
    dirtyDirect: false,
    requested: null,
    value: null,
    superseded: null,
    lease: null,
    failure: null,
    lastVersion: 0,
    retired: [],
    removeAt: null,
    ...changes,
  }
}

export function sampleValue(bodyId: string, inline: Uint8Array | null = new Uint8Array([123, 125])): Materialization {
  return {
    version: NOW - 1,
    builtEpoch: 3,
    asOf: NOW - 20,
    modified: NOW - 10,
    softExpiresAt: NOW + 300_000,
    hardExpiresAt: null,
    contentHash: '0123456789abcdef0123456789abcdef',
    primerRevision: 'r1',
    inputs: [
      { node: 'product/orders/7', version: 12, contentHash: 'fedcba98', edge: 'e1' },
      { node: 'table/shop.public.orders?customer_id=7', version: null, contentHash: null, edge: 'e2' },
    ],
    ancestors: [{ node: 'product/lines/7', version: 11, contentHash: 'abcd', edge: '' }],
    costMs: 12.5,
    body: sampleBody(bodyId, inline),
  }
}

function sampleBody(id: string, inline: Uint8Array | null): Body {
  return {
    id,
    encoding: 'identity',
    length: inline?.length ?? 1_000_000,
    checksum: '00112233445566778899aabbccddeeff',
    inline,
    chunks: inline ? 0 : 2,
    chunksExpireAt: null,
  }
}

export function sampleMark(id: string, changes: Partial<Mark> = {}): Mark {
  return { id, at: NOW, cause: `change ${id}`, upstream: false, ...changes }
}

/** The row after the next compare-and-set. */
export function nextRow(row: EntryRow, changes: Partial<EntryRow> = {}): EntryRow {
  return { ...row, rev: row.rev + 1, ops: [...row.ops, `op-${row.rev + 1}`].slice(-8), ...changes }
}

/** Bytes without a pattern, the same for the same length and seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[index] = state >>> 16
  }
  return bytes
}

/** A row as a test compares it: bytes as text, so that a Buffer equals a Uint8Array. */
export function plainRow(row: EntryRow | null): unknown {
  if (!row?.value?.body.inline) return row
  const inline = Buffer.from(row.value.body.inline).toString('base64')
  return { ...row, value: { ...row.value, body: { ...row.value.body, inline } } }
}

export function plainEntry(entry: StoredEntry): unknown {
  const marks = [...entry.marks].sort((a, b) => (a.id < b.id ? -1 : 1))
  return { key: entry.key, row: plainRow(entry.row), marks }
}

import type { types } from 'cassandra-driver'
import type { Body, EntryRow, Mark, Materialization } from '../../entry/entry.ts'
import { bounded } from './shards.ts'

/** The format of `state`, written into it. A greater one was written by a newer KCK. */
const FORMAT = 1

/** What a stored row turned out to be. */
export type Decoded =
  | { readonly kind: 'row'; readonly row: EntryRow }
  /** Its columns have expired and only its primary key is left. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly error: unknown }
  | { readonly kind: 'newer'; readonly format: number }
  /** Written whole, but read from a replica that missed the write of the body. */
  | { readonly kind: 'torn' }

/** The row as JSON, without its key and without the bytes of its body, which have their own column. */
export function encodeState(row: EntryRow): string {
  const { key: _, ...rest } = row
  const { value } = row
  if (!value) return JSON.stringify({ v: FORMAT, ...rest })
  const body = { ...value.body, inline: value.body.inline !== null }
  return JSON.stringify({ v: FORMAT, ...rest, value: { ...value, body } })
}

/** The row among what is stored of a key: it comes first, its part being the empty text. */
export function decodeHead(key: string, rows: readonly types.Row[]): Decoded {
  const [first] = rows
  return first?.['part'] === '' ? decodeRow(key, first) : { kind: 'absent' }
}

export function decodeRow(key: string, columns: types.Row): Decoded {
  if (columns['rev'] === null || columns['state'] === null) return { kind: 'absent' }
  try {
    const { v: format, ...state } = JSON.parse(String(columns['state']))
    if (typeof format === 'number' && format > FORMAT) return { kind: 'newer', format }
    if (format !== FORMAT || !isState(state))
      return { kind: 'damaged', error: new Error('The row is not of its format') }
    const { value } = state
    if (value === null) return { kind: 'row', row: { ...state, key, value } }
    if (value.body.inline !== true) return { kind: 'row', row: withBody(key, { ...state, value }, null) }
    if (columns['body_id'] !== value.body.id || columns['body'] === null) return { kind: 'torn' }
    return { kind: 'row', row: withBody(key, { ...state, value }, columns['body']) }
  } catch (error) {
    return { kind: 'damaged', error }
  }
}

/** A row without its key, `inline` saying only whether there is something inline. */
type State = Omit<EntryRow, 'key' | 'value'> & { readonly value: StateValue | null }
type StateValue = Omit<Materialization, 'body'> & { readonly body: Omit<Body, 'inline'> & { readonly inline: boolean } }

/** Whether it looks like a row at all; what else belongs to one is the format's to say. */
function isState(state: Partial<State>): state is State {
  return (
    Number.isInteger(state.rev) &&
    Number.isInteger(state.epoch) &&
    Array.isArray(state.ops) &&
    state.value !== undefined
  )
}

function withBody(key: string, state: State & { readonly value: StateValue }, inline: Uint8Array | null): EntryRow {
  const { value } = state
  return { ...state, key, value: { ...value, body: { ...value.body, inline } } }
}

export function encodeMark(mark: Mark): string {
  return JSON.stringify({ v: FORMAT, ...mark })
}

/** The mark at clustering key `part`. One that cannot be read still says that the key is dirty, so it counts as one. */
export function decodeMark(part: string, text: unknown): { readonly mark: Mark; readonly error?: unknown } {
  try {
    const { v: format, ...mark } = JSON.parse(String(text))
    if (format !== FORMAT || typeof mark.id !== 'string') throw new Error(`The mark has format ${format}`)
    return { mark }
  } catch (error) {
    return { mark: { id: part.slice(MARK_PREFIX.length), at: 0, cause: 'an unreadable mark', upstream: false }, error }
  }
}

const MARK_PREFIX = 'm:'
/** Under the 850 bytes that a clustering key of Keyspaces may have. */
const PART_BYTES = 800

/** Where a mark stands beside the row, whose own part is the empty text. */
export function partOfMark(id: string): string {
  return MARK_PREFIX + bounded(id, PART_BYTES)
}

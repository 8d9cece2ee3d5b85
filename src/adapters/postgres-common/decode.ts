import type { JsonValue } from '../../entry/json.ts'
import type { PgType } from './types.ts'

/** PostgreSQL's text of a value to the JSON form that `src/ports/source.ts` promises. */
export type Decode = (text: string) => JsonValue

const asText: Decode = (text) => text
const asNumber: Decode = (text) => Number(text)

const DECODERS: Readonly<Record<string, Decode>> = {
  int2: asNumber,
  int4: asNumber,
  oid: asNumber,
  int8: decodeInt8,
  float4: decodeFloat,
  float8: decodeFloat,
  bool: (text) => text === 't' || text === 'true',
  json: (text) => JSON.parse(text) as JsonValue,
  jsonb: (text) => JSON.parse(text) as JsonValue,
  timestamp: decodeTimestamp,
  timestamptz: decodeTimestamptz,
  bytea: decodeBytea,
}

export function decoderOf(type: PgType): Decode {
  const { element } = type
  if (!element) return Object.hasOwn(DECODERS, type.name) ? (DECODERS[type.name] as Decode) : asText
  const decode = decoderOf(element)
  return (text) => decodeArray(text, decode, element.name === 'box' ? ';' : ',')
}

/** Rows of text to rows of JSON. */
export function decodeRows(
  rows: readonly (readonly (string | null)[])[],
  types: readonly PgType[],
): readonly (readonly JsonValue[])[] {
  const decoders = types.map(decoderOf)
  return rows.map((row) => row.map((text, column) => (text === null ? null : (decoders[column] ?? asText)(text))))
}

function decodeInt8(text: string): JsonValue {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

function decodeFloat(text: string): JsonValue {
  const value = Number(text)
  // `NaN`, `Infinity` and `-Infinity` stay text; adding 0 makes -0 the 0 that JSON can say.
  return Number.isFinite(value) ? value + 0 : text
}

function decodeBytea(text: string): JsonValue {
  return Buffer.from(text.slice(2), 'hex').toString('base64')
}

/** `infinity` stays as it is; a year before 1 keeps PostgreSQL's ` BC` at the end. */
function decodeTimestamp(text: string): JsonValue {
  return text.replace(' ', 'T')
}

const OFFSET = /([+-])(\d\d)(?::?(\d\d))?(?::(\d\d))?( BC)?$/

function decodeTimestamptz(text: string): JsonValue {
  if (text.endsWith('infinity')) return text
  const match = OFFSET.exec(text)
  // Without an offset (the Data API leaves it out) it is UTC.
  const wall = match ? text.slice(0, match.index) : text.replace(/ BC$/, '')
  const [, sign, hours, minutes = '0', seconds = '0', era = text.endsWith(' BC') ? ' BC' : ''] = match ?? []
  const offset = Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds)
  if (offset === 0) return `${wall.replace(' ', 'T')}Z${era}`
  // Only a session that is not in UTC comes here, which our own never are.
  const [date, time = '00:00:00'] = wall.split(/[ T]/)
  const [whole, fraction] = time.split('.')
  const moment = Date.parse(`${date}T${whole}Z`) - (sign === '-' ? -offset : offset) * 1000
  if (era !== '' || Number.isNaN(moment)) return text
  return `${new Date(moment).toISOString().slice(0, 19)}${fraction ? `.${fraction}` : ''}Z`
}

/** Reads `{1,NULL,"a \"b\""}`, nested or not; bounds other than 1 (`[0:1]={...}`) are dropped. */
function decodeArray(text: string, decode: Decode, delimiter: string): JsonValue {
  let at = text.indexOf('{')
  const item = (): JsonValue => {
    if (text[at] === '{') return list()
    return text[at] === '"' ? decode(quoted()) : bare()
  }
  const list = (): JsonValue[] => {
    const items: JsonValue[] = []
    at++
    while (text[at] !== '}') {
      items.push(item())
      if (text[at] === delimiter) at++
      else if (text[at] !== '}') throw new Error('The database sent a list that cannot be read')
    }
    at++
    return items
  }
  const quoted = (): string => {
    let value = ''
    for (at++; text[at] !== '"'; at++) {
      if (text[at] === '\\') at++
      if (at >= text.length) throw new Error('The database sent a list that cannot be read')
      value += text[at]
    }
    at++
    return value
  }
  const bare = (): JsonValue => {
    const start = at
    while (at < text.length && text[at] !== delimiter && text[at] !== '}') at++
    const value = text.slice(start, at)
    return value === 'NULL' ? null : decode(value)
  }
  return list()
}

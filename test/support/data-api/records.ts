import type { FieldDef } from 'pg'
import { badRequest, DataApiException } from './exceptions.ts'

export const RESPONSE_LIMIT = 1_048_576
const ROW_LIMIT = 65_536

export interface TypeName {
  readonly name: string
  readonly element: string | null
}

type Row = readonly (string | null)[]

export function columnMetadata(fields: readonly FieldDef[], types: readonly TypeName[]) {
  return fields.map((field, index) => ({
    name: field.name,
    label: field.name,
    typeName: types[index]?.name ?? 'unknown',
    type: 0,
    arrayBaseColumnType: 0,
    isAutoIncrement: false,
    isCaseSensitive: true,
    isCurrency: false,
    isSigned: true,
    nullable: 2,
    precision: 0,
    scale: 0,
    schemaName: '',
    tableName: '',
  }))
}

export function typedRecords(rows: readonly Row[], types: readonly TypeName[]): unknown[] {
  return rows.map((row) => {
    const record = row.map((text, index) => typedField(text, types[index] ?? { name: 'text', element: null }))
    if (Buffer.byteLength(JSON.stringify(record)) > ROW_LIMIT) {
      throw badRequest('Database returned a row that is larger than the allowed size limit')
    }
    return record
  })
}

/** The `formatRecordsAs: JSON` form. Of columns with the same name the last one wins. */
export function jsonRecords(rows: readonly Row[], names: readonly string[], types: readonly TypeName[]): string {
  return JSON.stringify(
    rows.map((row) =>
      Object.fromEntries(row.map((text, index) => [names[index], plainValue(text, types[index]?.name ?? 'text')])),
    ),
  )
}

function plainValue(text: string | null, type: string): unknown {
  if (text === null) return null
  if (INTEGERS.has(type)) return exactNumber(text)
  if (FLOATS.has(type)) return double(text)
  return type === 'bool' ? text === 't' : text
}

const INTEGERS = new Set(['int2', 'int4', 'int8', 'oid'])
const FLOATS = new Set(['float4', 'float8'])

function typedField(text: string | null, { name, element }: TypeName): unknown {
  if (text === null) return { isNull: true }
  if (element) return { arrayValue: typedArray(text, element) }
  if (INTEGERS.has(name)) return { longValue: exactNumber(text) }
  if (FLOATS.has(name)) return { doubleValue: float(text, name) }
  if (name === 'bool') return { booleanValue: text === 't' }
  if (name === 'bytea') return { blobValue: Buffer.from(text.slice(2), 'hex').toString('base64') }
  return { stringValue: name === 'timestamptz' ? text.replace('+00', '') : text }
}

function typedArray(text: string, element: string): unknown {
  if (/^(\[.*\]=)?\{\{/.test(text)) {
    throw new DataApiException('UnsupportedResultException', 'The result contains a multidimensional array')
  }
  const items = listItems(text)
  const map = (convert: (item: string) => unknown) => items.map((item) => (item === null ? null : convert(item)))
  if (INTEGERS.has(element)) return { longValues: map(exactNumber) }
  if (FLOATS.has(element)) return { doubleValues: map((item) => float(item, element)) }
  if (element === 'bool') return { booleanValues: map((item) => item === 't') }
  return { stringValues: map((item) => item) }
}

function listItems(text: string): (string | null)[] {
  const inner = text.slice(text.indexOf('{') + 1, -1)
  return [...inner.matchAll(/"((?:\\.|[^"\\])*)"|([^,]+)/gs)].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, '$1')
    return bare === 'NULL' ? null : (bare ?? '')
  })
}

/** All digits, as the service writes them; it is the reader who rounds. */
function exactNumber(digits: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits)
}

/** A float4 is widened before it is printed. */
function float(text: string, type: string): number | string {
  const value = double(text)
  return typeof value === 'number' && type === 'float4' ? Math.fround(value) : value
}

function double(text: string): number | string {
  const value = Number(text)
  return Number.isFinite(value) ? value : text
}

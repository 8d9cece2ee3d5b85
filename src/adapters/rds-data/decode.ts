import type { ColumnMetadata, Field } from '@aws-sdk/client-rds-data'
import type { JsonValue } from '../../entry/json.ts'
import { KckError } from '../../errors.ts'
import { decoderOf } from '../postgres-common/decode.ts'
import type { PgType } from '../postgres-common/types.ts'

export interface NamedType {
  readonly name: string
  readonly type: PgType
}

/** Types whose Data API form loses nothing; all others are asked for as text. */
const EXACT = new Set(['int2', 'int4', 'bool', 'text', 'varchar', 'bpchar', 'name', 'uuid', 'void'])

/** JDBC's names for columns with a sequence. */
const ALIASES: Readonly<Record<string, string>> = {
  smallserial: 'int2',
  serial: 'int4',
  bigserial: 'int8',
}

export function columnsOf(metadata: readonly ColumnMetadata[] | undefined): readonly NamedType[] {
  return (metadata ?? []).map(({ label, name, typeName }) => ({
    name: label ?? name ?? '',
    type: typeOf((typeName ?? 'unknown').replace(/^.*\./, '').replaceAll('"', '')),
  }))
}

function typeOf(name: string): PgType {
  return name.startsWith('_') ? { name, element: typeOf(name.slice(1)) } : { name: ALIASES[name] ?? name }
}

export const isExact = ({ type }: NamedType): boolean => EXACT.has(type.name)

export function decodeRecords(
  records: readonly (readonly Field[])[] | undefined,
  columns: readonly NamedType[],
): readonly (readonly JsonValue[])[] {
  return (records ?? []).map((record) =>
    record.map((field, index) => decodeField(field, columns[index]?.type ?? { name: 'text' })),
  )
}

function decodeField(field: Field, type: PgType): JsonValue {
  if (field.isNull) return null
  if (field.stringValue !== undefined) return decodeText(field.stringValue, type)
  if (field.booleanValue !== undefined) return field.booleanValue
  if (field.longValue !== undefined) return decodeLong(field.longValue)
  if (field.doubleValue !== undefined) return decodeDouble(field.doubleValue, type)
  if (field.blobValue !== undefined) return Buffer.from(field.blobValue).toString('base64')
  if (field.arrayValue !== undefined) return decodeArray(field.arrayValue, type.element ?? { name: 'text' })
  throw new KckError('COMPUTE_FAILED', 'The Data API returned a value of an unknown kind')
}

function decodeArray(array: NonNullable<Field['arrayValue']>, element: PgType): JsonValue {
  const { arrayValues, stringValues, longValues, doubleValues, booleanValues } = array
  if (arrayValues) return arrayValues.map(orNull((inner) => decodeArray(inner, element)))
  if (stringValues) return stringValues.map(orNull((text) => decodeText(text, element)))
  if (longValues) return longValues.map(orNull(decodeLong))
  if (doubleValues) return doubleValues.map(orNull((value) => decodeDouble(value, element)))
  return booleanValues ?? []
}

const orNull =
  <T>(decode: (value: T) => JsonValue) =>
  (value: T | null): JsonValue =>
    value === null ? null : decode(value)

function decodeText(text: string, type: PgType): JsonValue {
  const isTime = type.name === 'timestamp' || type.name === 'timestamptz'
  // The Data API pads fractions (`.0`, `.120`).
  return decoderOf(type)(isTime ? text.replace(/\.(\d*?)0+(?=$|[+Z-])/, (_, kept) => (kept ? `.${kept}` : '')) : text)
}

/** The SDK has already rounded it when it is larger: better no answer than a wrong one. */
function decodeLong(value: number): JsonValue {
  if (Number.isSafeInteger(value)) return value
  throw new KckError(
    'COMPUTE_FAILED',
    'A returned int8 is larger than the Data API client can read exactly; return it as text',
  )
}

function decodeDouble(value: number, type: PgType): JsonValue {
  if (!Number.isFinite(value)) return String(value)
  if (type.name !== 'float4') return value + 0
  // 0.1 as float4 arrives as 0.10000000149011612: take the shortest digits that mean the same float4.
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) return short + 0
  }
  return Number(value.toPrecision(9))
}

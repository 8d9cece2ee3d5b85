import type { SqlParameter } from '@aws-sdk/client-rds-data'
import type { SqlValue, SqlValues } from '../../ports/source.ts'
import type { SqlParameterType, SqlStatement } from '../../sql/statement.ts'
import { encodeText } from '../postgres-common/encode.ts'

type Bound = Omit<SqlParameter, 'name'>

/** Parameters for a statement in which each one is cast to the type that PostgreSQL expects there. */
export function bindAsText(statement: SqlStatement, values: SqlValues): SqlParameter[] {
  return [...new Set(statement.names)].map((name) => {
    const text = encodeText(values[name], statement.types[name])
    return { name, value: text === null ? { isNull: true } : { stringValue: text } }
  })
}

/** Parameters with the type that the statement says, or that the value itself has. */
export function bindAsTyped(statement: SqlStatement, values: SqlValues): SqlParameter[] {
  return [...new Set(statement.names)].map((name) => ({ name, ...bind(values[name], statement.types[name]) }))
}

/** One character per parameter: values of other kinds make the Data API see another statement. */
export function kindsOf(statement: SqlStatement, values: SqlValues): string {
  return bindAsTyped(statement, values)
    .map(({ value, typeHint }) => `${Object.keys(value ?? {})[0]}${typeHint ?? ''}`)
    .join()
}

function bind(value: SqlValue, type: SqlParameterType | undefined): Bound {
  if (value === null || value === undefined) return { value: { isNull: true } }
  if (type === 'json' && typeof value !== 'string') return { value: text(value, type), typeHint: 'JSON' }
  switch (typeof value) {
    case 'boolean':
      return { value: { booleanValue: value } }
    case 'number':
      return { value: Number.isSafeInteger(value) && type !== 'float' ? { longValue: value } : { doubleValue: value } }
    case 'bigint':
      return bindDigits(String(value))
    case 'string':
      return bindString(value, type)
    default:
      return bindObject(value)
  }
}

function bindObject(value: Exclude<SqlValue, string | number | boolean | bigint | null | undefined>): Bound {
  if (value instanceof Uint8Array) return { value: { blobValue: value } }
  if (value instanceof Date) return bindString(String(encodeText(value)), 'timestamp')
  return Array.isArray(value) ? { value: text(value) } : { value: text(value), typeHint: 'JSON' }
}

function bindString(value: string, type: SqlParameterType | undefined): Bound {
  switch (type) {
    case 'uuid':
      return { value: { stringValue: value }, typeHint: 'UUID' }
    case 'json':
      return { value: { stringValue: value }, typeHint: 'JSON' }
    case 'date':
      return { value: { stringValue: value }, typeHint: 'DATE' }
    case 'numeric':
      return { value: { stringValue: value }, typeHint: 'DECIMAL' }
    case 'int':
      return bindDigits(value)
    case 'float':
      return { value: { doubleValue: Number(value) } }
    case 'boolean':
      return { value: { booleanValue: value === 'true' || value === 't' } }
    case 'timestamp':
      return bindTimestamp(value)
    default:
      return { value: { stringValue: value } }
  }
}

/** `longValue` is exact up to 2^53 only, because the SDK reads and writes it as a number. */
function bindDigits(digits: string): Bound {
  const value = Number(digits)
  return Number.isSafeInteger(value)
    ? { value: { longValue: value } }
    : { value: { stringValue: digits }, typeHint: 'DECIMAL' }
}

/** The Data API takes UTC to the millisecond; anything else goes as text, which makes us learn the type and cast. */
function bindTimestamp(value: string): Bound {
  const [, date, time] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,3})?)Z?$/.exec(value) ?? []
  return date && time
    ? { value: { stringValue: `${date} ${time}` }, typeHint: 'TIMESTAMP' }
    : { value: { stringValue: value } }
}

function text(value: SqlValue, type?: SqlParameterType) {
  return { stringValue: String(encodeText(value, type)) }
}

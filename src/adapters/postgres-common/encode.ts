import { KckError } from '../../errors.ts'
import type { SqlValue } from '../../ports/source.ts'
import type { SqlParameterType } from '../../sql/statement.ts'

/**
 * A bound value as PostgreSQL's text for it; the database infers the type. Lists become arrays, unless the statement
 * says that the parameter is json; other objects become json. Text for a json parameter is taken as JSON text.
 */
export function encodeText(value: SqlValue, type?: SqlParameterType): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return String(value)
  if (value instanceof Date) return encodeDate(value)
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`
  if (Array.isArray(value) && type !== 'json') return encodeArray(value)
  return JSON.stringify(value)
}

function encodeDate(date: Date): string {
  if (Number.isNaN(date.getTime())) throw new KckError('COMPUTE_FAILED', 'A bound Date is not a date')
  return date.toISOString()
}

function encodeArray(list: readonly SqlValue[]): string {
  const items = list.map((item) => {
    if (Array.isArray(item)) return encodeArray(item)
    const text = encodeText(item)
    return text === null ? 'NULL' : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  })
  return `{${items.join(',')}}`
}

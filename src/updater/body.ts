import type { StandardSchemaV1 } from '@standard-schema/spec'
import { KckError } from '../errors.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import { validated } from '../key/schema-type.ts'
import type { SqlStatement } from '../sql/statement.ts'
import { didYouMean } from '../text/nearest.ts'
import type { Updater } from './definition.ts'
import { isSchema } from './updater.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * The body of a request, checked: every field of its type and none that is unknown; a missing optional field is null.
 * Throws `INVALID_BODY` with `details.field`.
 */
export function validateBody(updater: Updater, raw: unknown): Fields {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new KckError('INVALID_BODY', 'The body must be a JSON object')
  }
  for (const [name, value] of Object.entries(raw)) {
    const fault = valueFault(value) ?? (name === '__proto__' ? 'has a name that is not allowed' : textFault(name))
    if (fault !== null) throw invalidField(name.toWellFormed(), fault)
  }
  return isSchema(updater.body) ? ofSchema(updater.body, raw) : ofFields(updater, updater.body, raw as Fields)
}

function ofSchema(schema: StandardSchemaV1, raw: object): Fields {
  let value: unknown
  try {
    value = validated(schema, raw)
  } catch (error) {
    throw isBadParameter(error) ? invalidBody(`The body ${error.message}`, {}, error) : error
  }
  if (typeof value === 'object' && value !== null) return value as Fields
  throw new KckError('INVALID_DEFINITION', "The schema of an updater's body must give an object")
}

function ofFields(updater: Updater, types: ParameterTypes, raw: Fields): Fields {
  const unknown = Object.keys(raw).find((name) => !Object.hasOwn(types, name))
  if (unknown !== undefined) {
    throw invalidField(unknown, `is no field of this body${didYouMean(unknown, Object.keys(types))}`)
  }
  const mayMiss = optionalFields(updater, raw)
  const body: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(types)) {
    const value = raw[name]
    if (value === undefined && !mayMiss(name)) throw invalidField(name, 'is missing')
    const isNull = value === undefined || (value === null && (mayMiss(name) || updater.choose !== 'key'))
    body[name] = isNull ? null : fieldValue(updater, name, type, value)
  }
  return body
}

/** Updaters of the original KCK need what the statement that will run uses. */
function optionalFields(updater: Updater, raw: Fields): (name: string) => boolean {
  if (updater.choose === 'key') return (name) => updater.optional.includes(name)
  const statement = hasField(raw, updater.choose.field) ? updater.update : updater.insert
  return (name) => statement?.names.includes(name) !== true
}

function hasField(body: Fields, field: string): boolean {
  return Object.hasOwn(body, field) && body[field] !== null && body[field] !== undefined
}

function fieldValue(updater: Updater, name: string, type: ParameterType, value: unknown): unknown {
  try {
    return type.checkField === undefined ? type.check(value) : type.checkField(value)
  } catch (error) {
    if (!isBadParameter(error)) throw error
    const fromText = updater.choose === 'key' ? undefined : looseValue(type, value)
    if (fromText !== undefined) return fromText
    throw invalidField(name, error.message, error)
  }
}

/** The original KCK took numbers written as text and text written as numbers; its updaters still do. */
function looseValue(type: ParameterType, value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  try {
    return type.parse(String(value))
  } catch {
    return undefined
  }
}

/**
 * What PostgreSQL or JSON would silently change, wherever it stands in a value: text that is none, and a field called
 * `__proto__`, which changes the object it is copied to. Without recursion: a body may be deep.
 */
function valueFault(value: unknown): string | null {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    const fault = typeof next === 'string' ? textFault(next) : null
    if (fault !== null) return fault
    if (typeof next !== 'object' || next === null) continue
    if (Object.hasOwn(next, '__proto__')) return 'holds a field named __proto__'
    for (const [name, item] of Object.entries(next)) open.push(name, item)
  }
  return null
}

function textFault(text: string): string | null {
  if (!text.isWellFormed()) return 'holds half of a surrogate pair, which is not text'
  return text.includes('\0') ? 'holds U+0000, which PostgreSQL cannot store' : null
}

function isBadParameter(error: unknown): error is KckError {
  return error instanceof KckError && error.code === 'BAD_PARAMETER'
}

function invalidField(field: string, rule: string, cause?: unknown): KckError {
  return invalidBody(`The field "${field}" ${rule}`, { field }, cause)
}

function invalidBody(message: string, details: Fields, cause?: unknown): KckError {
  return new KckError('INVALID_BODY', message, { details, cause })
}

export interface Chosen {
  readonly mode: 'insert' | 'update'
  /** Null when the updater writes in code. */
  readonly statement: SqlStatement | null
}

/**
 * Which write a request is: `update` when the URL has the updater's key, else `insert`; for updaters of the original
 * KCK `update` when the body has the field that identifies the row. Throws `METHOD_NOT_ALLOWED` when the updater has no
 * such write.
 */
export function chooseStatement(
  updater: Updater,
  request: { readonly key: Fields | null; readonly body: Fields },
): Chosen {
  const { choose } = updater
  const isUpdate = choose === 'key' ? request.key !== null : hasField(request.body, choose.field)
  const mode = isUpdate ? 'update' : 'insert'
  const statement = updater[mode]
  if (statement !== null || updater.run !== null) return { mode, statement }
  const keyNames = Object.keys(updater.key).map((name) => `/{${name}}`)
  throw new KckError(
    'METHOD_NOT_ALLOWED',
    isUpdate
      ? `"${updater.name}" only inserts: POST /update/${updater.name}`
      : `"${updater.name}" only updates: PUT /update/${updater.name}${keyNames.join('')}`,
  )
}

import type { ParameterType } from './parameter.ts'
import { badParameter } from './text.ts'

export interface ParameterOptions {
  /** For OpenAPI and people. */
  readonly description?: string
  /** The JWT claim whose value this parameter must equal, so that a product may depend on who asks. */
  readonly claim?: string
}

/** The parts of a type that come from its options. */
export function described(options: ParameterOptions, jsonSchema: Readonly<Record<string, unknown>>) {
  return {
    jsonSchema: options.description === undefined ? jsonSchema : { ...jsonSchema, description: options.description },
    ...(options.claim === undefined ? {} : { claim: options.claim }),
  }
}

const INT = /^(0|-?[1-9][0-9]{0,14})$/
/** 15 digits: every such number is exact in a double. */
const MAX_INT = 999_999_999_999_999

/** A whole number of at most 15 digits. Text: `^(0|-?[1-9][0-9]{0,14})$`. */
export function int(options: ParameterOptions = {}): ParameterType<number> {
  return {
    name: 'int',
    sqlType: 'int',
    typescript: 'number',
    ...described(options, { type: 'integer', minimum: -MAX_INT, maximum: MAX_INT }),
    parse(text) {
      if (INT.test(text)) return Number(text)
      throw badParameter(`must be a whole number of at most 15 digits${canonicalHint(text, INT)}`)
    },
    format: String,
    check(value) {
      if (Number.isInteger(value) && Math.abs(value as number) <= MAX_INT && !Object.is(value, -0)) {
        return value as number
      }
      throw badParameter('must be a whole number of at most 15 digits')
    },
  }
}

/** A finite number. Text: as JavaScript prints it (`1.5`, `1000`, `1e+21`). */
export function float(options: ParameterOptions = {}): ParameterType<number> {
  const isCanonical = (text: string) => text === String(Number(text)) && Number.isFinite(Number(text))
  return {
    name: 'float',
    sqlType: 'float',
    typescript: 'number',
    ...described(options, { type: 'number' }),
    parse(text) {
      if (isCanonical(text)) return Number(text)
      throw badParameter(`must be a finite number${canonicalHint(text, /^[-+0-9.e]+$/)}`)
    },
    format: String,
    check(value) {
      if (Number.isFinite(value) && !Object.is(value, -0)) return value as number
      throw badParameter('must be a finite number, and 0 has no sign')
    },
    checkField(value) {
      const number = this.check(value)
      if (!Number.isInteger(number) || Number.isSafeInteger(number)) return number
      throw badParameter('is a whole number that does not fit a double exactly')
    },
  }
}

/** `, written 1000` when the text is a number in another spelling. */
function canonicalHint(text: string, form: RegExp): string {
  const plain = /^[ ]*[-+]?[0-9]+(\.[0-9]*)?(e[-+]?[0-9]{1,2})?[ ]*$/i.test(text)
  if (!plain) return ''
  const canonical = String(Number(text) + 0)
  return form.test(canonical) && canonical !== text ? `, written ${canonical}` : ''
}

export function boolean(options: ParameterOptions = {}): ParameterType<boolean> {
  return {
    name: 'boolean',
    sqlType: 'boolean',
    typescript: 'boolean',
    ...described(options, { type: 'boolean' }),
    parse(text) {
      if (text === 'true') return true
      if (text === 'false') return false
      throw badParameter('must be true or false')
    },
    format: String,
    check(value) {
      if (typeof value === 'boolean') return value
      throw badParameter('must be true or false')
    },
  }
}

/** A calendar date from year 1 to 9999; the value is its text, `2026-11-20`. */
export function date(options: ParameterOptions = {}): ParameterType<string> {
  const check = (value: unknown): string => {
    if (typeof value === 'string' && isCalendarDate(value)) return value
    throw badParameter('must be a date of the calendar, written YYYY-MM-DD')
  }
  return {
    name: 'date',
    sqlType: 'date',
    typescript: 'string',
    ...described(options, { type: 'string', format: 'date' }),
    parse: check,
    format: (value) => value,
    check,
  }
}

function isCalendarDate(text: string): boolean {
  const [, year, month, day] = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text)?.map(Number) ?? []
  if (year === undefined || month === undefined || day === undefined) return false
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
  return year >= 1 && day >= 1 && day <= days
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A UUID, in upper or lower case; the value is in lower case. */
export function uuid(options: ParameterOptions = {}): ParameterType<string> {
  const check = (value: unknown): string => {
    if (typeof value === 'string' && UUID.test(value)) return value.toLowerCase()
    throw badParameter('must be a UUID')
  }
  return {
    name: 'uuid',
    sqlType: 'uuid',
    typescript: 'string',
    ...described(options, { type: 'string', format: 'uuid' }),
    parse: check,
    format: (value) => value,
    check,
  }
}

import { KckError } from '../errors.ts'
import type { ParameterType } from './parameter.ts'
import { described, type ParameterOptions } from './scalar-types.ts'
import { badParameter, keyTextFault } from './text.ts'

/**
 * Text of at most 1,024 bytes of UTF-8 without control characters, byte order mark or direction marks. Canonically
 * equivalent spellings (an accent as a letter of its own) are one value: the value is in Unicode's normal form C.
 *
 * As a field of an updater's body it is any text, kept exactly as it came.
 */
export function string(options: ParameterOptions = {}): ParameterType<string> {
  const check = (value: unknown): string => {
    if (typeof value !== 'string') throw badParameter('must be a string')
    // Only well-formed text has a normal form, so that is asked first.
    const normal = value.isWellFormed() ? value.normalize('NFC') : value
    const fault = keyTextFault(normal)
    if (fault !== null) throw badParameter(fault)
    return normal
  }
  return {
    name: 'string',
    sqlType: 'text',
    typescript: 'string',
    ...described(options, { type: 'string' }),
    parse: check,
    format: (value) => value,
    check,
    checkField(value) {
      if (typeof value !== 'string') throw badParameter('must be a string')
      return value
    },
  }
}

/** One of the named texts. */
export function oneOf<const T extends string>(...values: readonly [T, ...T[]]): ParameterType<T>
export function oneOf<const T extends string>(values: readonly T[], options?: ParameterOptions): ParameterType<T>
export function oneOf<const T extends string>(...args: readonly unknown[]): ParameterType<T> {
  const listed = Array.isArray(args[0])
  const values = (listed ? args[0] : args) as readonly T[]
  const options = (listed ? args[1] : undefined) as ParameterOptions | undefined
  checkValues(values)

  const known = new Set<unknown>(values)
  const check = (value: unknown): T => {
    if (known.has(value)) return value as T
    throw badParameter(`must be one of ${values.map((allowed) => `"${allowed}"`).join(', ')}`)
  }
  return {
    name: 'enum',
    sqlType: 'text',
    typescript: values.map((value) => JSON.stringify(value)).join(' | '),
    ...described(options ?? {}, { type: 'string', enum: values }),
    parse: check,
    format: (value) => value,
    check,
  }
}

function checkValues(values: readonly unknown[]): void {
  const refuse = (why: string) => {
    throw new KckError('INVALID_DEFINITION', `oneOf(...) ${why}`)
  }
  if (values.length === 0) refuse('needs at least one text')
  for (const value of values) {
    if (typeof value !== 'string') refuse('takes texts only')
    else if (keyTextFault(value) !== null || value.normalize('NFC') !== value) {
      refuse(`has ${JSON.stringify(value)}, which cannot stand in a key`)
    }
  }
  if (new Set(values).size < values.length) refuse('names a text twice')
}

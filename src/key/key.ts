import { KckError } from '../errors.ts'
import type { ParameterTypes } from './parameter.ts'
import { keyTextFault, namedParameterError } from './text.ts'

/**
 * The grammar of keys: `name` or `name/segment/segment`, each segment percent-encoded. The canonical text encodes
 * everything but `A-Z a-z 0-9 - . _ ~`, so different parameters never meet in one key; what is read may encode more or
 * less. `p` has no parameter, `p/` has one, the empty text.
 */

/** Form of a product's and an updater's name. */
export const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/
/** Form of a parameter's name: also a placeholder in SQL, so shorter than PostgreSQL's identifiers. */
export const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

/**
 * Characters of a canonical key. LMDB takes keys of 1,978 bytes and the stores put up to 200 bytes of their own around
 * one; the rest is room to grow, because a key that was once accepted must stay storable.
 */
export const MAX_KEY_LENGTH = 1700
/** Nothing longer can become a canonical key: each of its bytes takes at most three characters. */
const MAX_TEXT_LENGTH = 3 * MAX_KEY_LENGTH

export interface KeyText {
  readonly name: string
  /** Still encoded; null when nothing follows the name. */
  readonly segments: readonly string[]
}

/** Splits at raw `/` and decodes the name. Throws `BAD_KEY`. */
export function splitKey(text: string): KeyText {
  if (text.length > MAX_TEXT_LENGTH) throw tooLong()
  const [name = '', ...segments] = text.split('/')
  return { name: decodeSegment(name, 0), segments }
}

const PLAIN = /^[A-Za-z0-9_~-]+$/

/** One segment, decoded exactly once. `position` is its place in the key, for the message. Throws `BAD_KEY`. */
export function decodeSegment(segment: string, position: number): string {
  if (PLAIN.test(segment) && segment.length <= 1024) return segment
  if (segment === '.' || segment === '..') {
    throw badKey(position, 'is "." or "..", which ways to here may resolve: write %2E or %2E%2E')
  }
  let text: string
  try {
    text = decodeURIComponent(segment)
  } catch (error) {
    throw badKey(position, 'is not percent-encoded UTF-8', error)
  }
  const fault = keyTextFault(text)
  if (fault !== null) throw badKey(position, fault)
  return text
}

/** Percent-encodes everything but unreserved characters. */
function encodeSegment(text: string): string {
  if (PLAIN.test(text)) return text
  // A segment that is all dots would be taken for a step in a path.
  if (text === '.' || text === '..') return text.replaceAll('.', '%2E')
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The canonical key of a name and decoded segments. Throws `BAD_KEY` when it is too long. */
export function formatKey(name: string, segments: readonly string[]): string {
  const text = [name, ...segments.map(encodeSegment)].join('/')
  if (text.length > MAX_KEY_LENGTH) throw tooLong()
  return text
}

/** Typed values of encoded segments. Throws `BAD_KEY` (count, encoding) or `BAD_PARAMETER`, naming it. */
export function parseParameters(
  name: string,
  types: ParameterTypes,
  segments: readonly string[],
): Readonly<Record<string, unknown>> {
  const names = Object.keys(types)
  if (segments.length !== names.length) {
    const expected = [name, ...names.map((parameter) => `{${parameter}}`)].join('/')
    throw new KckError('BAD_KEY', `The key has ${segments.length} parameters, expected ${names.length}: ${expected}`)
  }
  // All are decoded before any is read: whether a key is well-formed does not depend on the types.
  const texts = segments.map((segment, index) => decodeSegment(segment, index + 1))
  return mapParameters(types, (parameter, type) => type.parse(texts[names.indexOf(parameter)] ?? ''))
}

/** Values handed over by code or JSON, checked and canonical. Throws `BAD_PARAMETER`, naming it. */
export function checkParameters(
  name: string,
  types: ParameterTypes,
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  for (const given of Object.keys(values)) {
    if (!Object.hasOwn(types, given)) {
      throw new KckError('BAD_PARAMETER', `"${name}" has no parameter of that name`, { details: { parameter: given } })
    }
  }
  return mapParameters(types, (parameter, type) => {
    if (!Object.hasOwn(values, parameter)) throw new KckError('BAD_PARAMETER', 'is missing')
    return type.check(values[parameter])
  })
}

/** Canonical texts of checked values, in the order of the key. */
export function formatParameters(types: ParameterTypes, values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(types).map(([name, type]) => type.format(values[name]))
}

function mapParameters(
  types: ParameterTypes,
  read: (name: string, type: ParameterTypes[string]) => unknown,
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(types)) {
    try {
      values[name] = read(name, type)
    } catch (error) {
      throw namedParameterError(name, error)
    }
  }
  return values
}

function badKey(position: number, fault: string, cause?: unknown): KckError {
  const where = position === 0 ? 'The name in the key' : `Segment ${position} of the key`
  return new KckError('BAD_KEY', `${where} ${fault}`, { details: { segment: position }, cause })
}

function tooLong(): KckError {
  return new KckError('BAD_KEY', `The key is longer than ${MAX_KEY_LENGTH} characters in its canonical form`)
}

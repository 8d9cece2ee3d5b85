import { KckError } from '../errors.ts'
import type { JsonValue } from './json.ts'

/** How deep a value may nest; deeper ones overflow the stack of some reader. */
const MAX_DEPTH = 500

/**
 * The JSON form of a computed value (see `Json`). Throws `UNSTORABLE`, naming the place, for what JSON cannot say:
 * `undefined` at the top or in an array, NaN and infinities, functions, symbols, Map, Set, invalid dates, cycles,
 * ill-formed strings.
 */
export function toJsonForm(value: unknown): JsonValue {
  return convert(value, { path: [], ancestors: [] })
}

interface Place {
  readonly path: (string | number)[]
  readonly ancestors: object[]
}

function convert(value: unknown, place: Place): JsonValue {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw unstorable(place, 'a string that is not well-formed Unicode')
      return value
    case 'number':
      if (!Number.isFinite(value)) throw unstorable(place, String(value))
      return value
    case 'boolean':
      return value
    case 'bigint':
      return value.toString()
    case 'object':
      return value === null ? null : convertObject(value, place)
    default:
      throw unstorable(place, value === undefined ? 'undefined (return null to say "nothing")' : `a ${typeof value}`)
  }
}

function convertObject(value: object, place: Place): JsonValue {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw unstorable(place, 'an invalid date')
    return value.toISOString()
  }
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (value instanceof Map || value instanceof Set || value instanceof Promise || ArrayBuffer.isView(value)) {
    throw unstorable(place, `a ${value.constructor.name}`)
  }
  if (place.ancestors.includes(value)) throw unstorable(place, 'a reference to something that contains it')
  if (place.ancestors.length >= MAX_DEPTH) throw unstorable(place, `nested more than ${MAX_DEPTH} deep`)
  place.ancestors.push(value)
  const converted = convertContainer(value, place)
  place.ancestors.pop()
  return converted
}

function convertContainer(value: object, place: Place): JsonValue {
  if (Array.isArray(value)) return convertList(value, place)
  if ('toJSON' in value && typeof value.toJSON === 'function') return convert(value.toJSON(), place)
  const converted: Record<string, JsonValue> = {}
  for (const [name, item] of Object.entries(value)) {
    // Like JSON.stringify: a property that is undefined is not there.
    if (item === undefined) continue
    place.path.push(name)
    define(converted, name, convert(item, place))
    place.path.pop()
  }
  return converted
}

function convertList(list: readonly unknown[], place: Place): JsonValue {
  const converted: JsonValue[] = []
  for (let index = 0; index < list.length; index++) {
    place.path.push(index)
    converted.push(convert(list[index], place))
    place.path.pop()
  }
  return converted
}

// A plain assignment to `__proto__` would change the prototype and lose the value.
function define(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  else object[name] = value
}

function unstorable(place: Place, what: string): KckError {
  const path = place.path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}.${step}`),
    '$',
  )
  return new KckError('UNSTORABLE', `The computed value cannot be stored: ${path} is ${what}`, { details: { path } })
}

import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import { boolean, date, float, int, type ParameterOptions, uuid } from '../key/scalar-types.ts'
import { oneOf, string } from '../key/string-types.ts'
import { didYouMean } from '../text/nearest.ts'
import { OptionReader } from './option-reader.ts'

const TYPES: ReadonlyMap<string, (options: ParameterOptions) => ParameterType> = new Map<
  string,
  (options: ParameterOptions) => ParameterType
>([
  ['string', string],
  // The original KCK's other name for it.
  ['str', string],
  ['int', int],
  ['float', float],
  ['boolean', boolean],
  ['date', date],
  ['uuid', uuid],
])

/**
 * Parameter types from YAML: `{ customer_id: int, status: [open, closed] }`, or with options
 * `{ tenant: { type: string, claim: tenant }, by: { enum: [name, size] } }`.
 */
export function readParameterSpecs(options: OptionReader, name: string): ParameterTypes {
  const specs = options.value(name) ?? {}
  if (typeof specs !== 'object' || Array.isArray(specs)) {
    throw options.error(`${name} must name types: { customer_id: int }`)
  }
  return Object.fromEntries(
    Object.entries(specs).map(([parameter, spec]) => [parameter, readSpec(options, parameter, spec)] as const),
  )
}

function readSpec(options: OptionReader, name: string, spec: unknown): ParameterType {
  if (typeof spec === 'string') return namedType(options, name, spec, {})
  if (Array.isArray(spec)) return oneOf(spec)
  const inner = new OptionReader(options.label(name), spec, ['type', 'enum', 'claim', 'description'])
  const common: ParameterOptions = Object.fromEntries(
    ['claim', 'description'].flatMap((option) => {
      const text = inner.text(option)
      return text === null ? [] : [[option, text]]
    }),
  )
  if (inner.has('enum')) return oneOf(inner.texts('enum'), common)
  return namedType(options, name, inner.text('type') ?? 'string', common)
}

/** A type by its name. Throws when there is none. */
export function namedType(
  options: OptionReader,
  parameter: string,
  type: string,
  common: ParameterOptions,
): ParameterType {
  const make = TYPES.get(type)
  if (make !== undefined) return make(common)
  const known = [...TYPES.keys()]
  throw options.error(`"${parameter}" has the unknown type "${type}"${didYouMean(type, known)}: ${known.join(', ')}`)
}

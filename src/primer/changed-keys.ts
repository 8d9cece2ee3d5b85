import { KckError } from '../errors.ts'
import { decodeSegment, splitKey } from '../key/key.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import { matchTemplate, parseTemplate, type Template } from '../key/template.ts'
import type { Updater } from '../updater/definition.ts'
import type { AnyPrimer } from './definition.ts'
import type { ProductKey, Registry } from './registry.ts'

type Values = Readonly<Record<string, unknown>>

/**
 * The product keys that a write names: the updater's `changes`, and primers whose `afterUpdates` name the updater.
 *
 * Names are looked up in `values`. For an updater of the original KCK the template's names are first given to the
 * segments of the URL by position, as it did (`order_status/:customer_id` and `/update/order_status/42`). Throws
 * `BAD_REQUEST` when a name cannot be found: the original queued a key with a hole in it.
 */
export function changedKeys(
  registry: Registry,
  updater: Updater,
  values: Values,
  segments: readonly string[] | null,
): readonly ProductKey[] {
  const keys = [...changesOf(registry, updater, values), ...afterUpdatesOf(registry, updater, values, segments)]
  return [...new Map(keys.map((key) => [key.text, key])).values()]
}

/** The product keys whose primers' `afterPrimes` name this product: the template's names go to its segments by position. */
export function primedKeys(registry: Registry, key: string): readonly ProductKey[] {
  const { name, segments } = splitKey(key)
  const texts = segments.map((segment, index) => decodeSegment(segment, index + 1))
  return [...registry.primers.values()].flatMap((primer) =>
    primer.afterPrimes.flatMap((text) => {
      const template = parseTemplate(text)
      const matched = template.name === name ? matchTemplate(template, texts) : null
      return matched === null ? [] : [keyFromTexts(registry, primer, matched)]
    }),
  )
}

function keyFromTexts(registry: Registry, primer: AnyPrimer, texts: ReadonlyMap<string, string>): ProductKey {
  const types: ParameterTypes = primer.parameters
  const given = Object.entries(types).map(([name, type]) => [name, type.parse(texts.get(name) ?? '')] as const)
  return registry.keyOf(primer, Object.fromEntries(given))
}

function* changesOf(registry: Registry, updater: Updater, values: Values): Iterable<ProductKey> {
  for (const text of updater.changes) {
    const template = parseTemplate(text)
    const primer = registry.primers.get(template.name)
    if (primer === undefined) continue
    const types: ParameterTypes = primer.parameters
    const given = Object.entries(types).map(([name, type], index) => {
      const segment = template.segments[index]
      if (segment !== undefined && 'literal' in segment) return [name, type.parse(segment.literal)] as const
      return [name, found(updater, type, segment?.parameter ?? name, values)] as const
    })
    yield registry.keyOf(primer, Object.fromEntries(given))
  }
}

function* afterUpdatesOf(
  registry: Registry,
  updater: Updater,
  values: Values,
  segments: readonly string[] | null,
): Iterable<ProductKey> {
  for (const primer of registry.primers.values()) {
    for (const text of primer.afterUpdates) {
      const template = parseTemplate(text)
      if (template.name !== updater.name) continue
      const named = bySegments(updater, template, segments)
      if (named !== null) yield keyFor(registry, primer, updater, { ...values, ...named })
    }
  }
}

/** The template's names for the segments of the URL; null when a literal in it says that it is about other rows. */
function bySegments(updater: Updater, template: Template, segments: readonly string[] | null): Values | null {
  if (segments === null || template.segments.length === 0) return {}
  const matched = matchTemplate(template, segments)
  if (matched !== null) return updater.choose === 'key' ? {} : Object.fromEntries(matched)
  // Another number of segments names nothing, and the values must do.
  return template.segments.length === segments.length ? null : {}
}

function keyFor(registry: Registry, primer: AnyPrimer, updater: Updater, values: Values): ProductKey {
  const types: ParameterTypes = primer.parameters
  const given = Object.entries(types).map(([name, type]) => [name, found(updater, type, name, values)] as const)
  return registry.keyOf(primer, Object.fromEntries(given))
}

/** A value by name, in the form that the parameter takes. */
function found(updater: Updater, type: ParameterType, name: string, values: Values): unknown {
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value === undefined || value === null) throw missing(updater, name)
  try {
    return type.check(value)
  } catch (error) {
    // A segment is text, and a column may have another type than the parameter: its text decides.
    if (typeof value === 'string') return type.parse(value)
    if (typeof value === 'number' || typeof value === 'boolean') return type.parse(String(value))
    throw error
  }
}

function missing(updater: Updater, name: string): KckError {
  const how =
    updater.choose === 'key'
      ? `send it in the body, or let the statement give it back (returning ${name})`
      : `put it into the URL, /update/${updater.name}/{${name}}, or into the body`
  return new KckError('BAD_REQUEST', `Which products change cannot be said without "${name}": ${how}`, {
    details: { missing: name },
  })
}

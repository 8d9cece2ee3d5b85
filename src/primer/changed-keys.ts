import { KckError } from '../errors.ts'
import { decodeSegment, splitKey } from '../key/key.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import { matchTemplate, parseTemplate, type Template } from '../key/template.ts'
import { namedParameterError } from '../key/text.ts'
import type { Updater } from '../updater/definition.ts'
import type { AnyPrimer } from './definition.ts'
import type { ProductKey, Registry } from './registry.ts'

type Values = Readonly<Record<string, unknown>>

/**
 * The product keys that a write names: the updater's `changes`, and primers whose `afterUpdates` name the updater.
 *
 * Names are looked up in `values`. For an updater of the original KCK the template's names are first given to the
 * segments of the URL by position, as it did (`order_status/:customer_id` and `/update/order_status/42`). Throws
 * `BAD_REQUEST` when nobody knows a name: the original queued a key with a hole in it.
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
      const key = matched === null ? null : keyFor(registry, primer, (parameter) => matched.get(parameter) ?? null)
      return key === null ? [] : [key]
    }),
  )
}

function* changesOf(registry: Registry, updater: Updater, values: Values): Iterable<ProductKey> {
  for (const text of updater.changes) {
    const template = parseTemplate(text)
    const primer = registry.primers.get(template.name)
    if (primer === undefined) continue
    const names = Object.keys(primer.parameters)
    const key = keyFor(registry, primer, (name) => {
      const segment = template.segments[names.indexOf(name)]
      if (segment !== undefined && 'literal' in segment) return segment.literal
      return knownValue(updater, segment?.parameter ?? name, values)
    })
    if (key !== null) yield key
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
      if (named === null) continue
      const key = keyFor(registry, primer, (name) => knownValue(updater, name, { ...values, ...named }))
      if (key !== null) yield key
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

/**
 * The key of a primer with the values that `valueFor` gives its parameters. Null when one of them is null, or can be in
 * no key of this primer: then there is no such product that could have changed.
 */
function keyFor(registry: Registry, primer: AnyPrimer, valueFor: (name: string) => unknown): ProductKey | null {
  const types: ParameterTypes = primer.parameters
  const given = Object.entries(types).map(([name, type]) => [name, type, valueFor(name)] as const)
  if (given.some(([, , value]) => value === null)) return null
  try {
    return registry.keyOf(primer, Object.fromEntries(given.map(([name, type, value]) => [name, typed(type, value)])))
  } catch (error) {
    if (error instanceof KckError && (error.code === 'BAD_PARAMETER' || error.code === 'BAD_KEY')) return null
    throw error
  }
}

/** What is known under a name; null is known too (a row without a customer). */
function knownValue(updater: Updater, name: string, values: Values): unknown {
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value === undefined) throw missing(updater, name)
  return value
}

/** A segment of a key is text, and a column may have another type than the parameter: then its text decides. */
function typed(type: ParameterType, value: unknown): unknown {
  try {
    return type.check(value)
  } catch (error) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') throw error
    return type.parse(String(value))
  }
}

/**
 * Refuses, before anything is written, segments of an original updater's URL that a product's parameters cannot take.
 * Throws `BAD_PARAMETER`, naming the parameter.
 */
export function checkUrlNames(registry: Registry, updater: Updater, segments: readonly string[]): void {
  for (const primer of registry.primers.values()) {
    const types: ParameterTypes = primer.parameters
    for (const template of primer.afterUpdates.map(parseTemplate)) {
      const matched = template.name === updater.name ? matchTemplate(template, segments) : null
      for (const [name, text] of matched ?? []) checkText(name, types[name], text)
    }
  }
}

function checkText(name: string, type: ParameterType | undefined, text: string): void {
  try {
    type?.parse(text)
  } catch (error) {
    throw namedParameterError(name, error)
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

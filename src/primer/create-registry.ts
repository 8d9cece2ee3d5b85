import { KckError } from '../errors.ts'
import { checkParameters, decodeSegment, formatKey, formatParameters, parseParameters, splitKey } from '../key/key.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { Updater } from '../updater/definition.ts'
import { changedKeys, checkUrlNames, primedKeys } from './changed-keys.ts'
import { checkDefinitions } from './check-definitions.ts'
import type { AnyPrimer } from './definition.ts'
import type { ProductKey, Registry, UpdaterKey } from './registry.ts'

/**
 * The registry of a system. Throws one `INVALID_DEFINITION` with everything that does not fit together: a name given
 * twice, templates that name what is not there or cannot be filled, `afterPrimes` in a circle.
 */
export function createRegistry(definitions: {
  readonly primers: readonly AnyPrimer[]
  readonly updaters?: readonly Updater[]
}): Registry {
  const faults: string[] = []
  const primers = byName(definitions.primers, faults)
  const updaters = byName(definitions.updaters ?? [], faults)

  const keyOf = (primer: AnyPrimer, given: Readonly<Record<string, unknown>>): ProductKey => {
    const types: ParameterTypes = primer.parameters
    const parameters = checkParameters(primer.name, types, given)
    return { text: formatKey(primer.name, formatParameters(types, parameters)), primer, parameters }
  }
  const parseKey = (text: string): ProductKey => {
    const { name, segments } = splitKey(text)
    const primer = primers.get(name)
    if (primer === undefined) throw new KckError('UNKNOWN_PRODUCT', 'There is no product of that name')
    const types: ParameterTypes = primer.parameters
    const parameters = parseParameters(name, types, segments)
    return { text: formatKey(name, formatParameters(types, parameters)), primer, parameters }
  }
  const readers = new Set(
    [...primers.values()].flatMap((primer) => primer.afterPrimes.map((text) => text.split('/', 1)[0])),
  )
  const registry: Registry = {
    primers,
    updaters,
    parseKey,
    keyOf,
    parseUpdaterKey: (text) => parseUpdaterKey(registry, text),
    primedBy: (key) => primedKeys(registry, key),
    declaresReaders: (name) => readers.has(name),
    changedBy: (updater, values, segments) => changedKeys(registry, updater, values, segments),
  }
  faults.push(...checkDefinitions(registry))
  if (faults.length > 0) throw new KckError('INVALID_DEFINITION', faults.join('\n'))
  return registry
}

/** The sources that primers and updaters name; null stands for "the only one". */
export function sourcesUsed(registry: Registry): ReadonlyMap<string | null, readonly (AnyPrimer | Updater)[]> {
  const users = [...registry.primers.values()].filter((primer) => primer.statement !== null)
  return Map.groupBy([...users, ...registry.updaters.values()], (definition) => definition.source)
}

function parseUpdaterKey(registry: Registry, text: string): UpdaterKey {
  const { name, segments } = splitKey(text)
  const updater = registry.updaters.get(name)
  if (updater === undefined) throw new KckError('UNKNOWN_UPDATER', 'There is no updater of that name')
  if (segments.length === 0) return { updater, parameters: null, segments: null }
  const texts = segments.map((segment, index) => decodeSegment(segment, index + 1))
  if (updater.choose === 'key')
    return { updater, parameters: parseParameters(name, updater.key, segments), segments: texts }
  // In the original the URL only says which products change: any number of texts.
  checkUrlNames(registry, updater, texts)
  return { updater, parameters: {}, segments: texts }
}

function byName<T extends AnyPrimer | Updater>(definitions: readonly T[], faults: string[]): ReadonlyMap<string, T> {
  const found = new Map<string, T>()
  for (const definition of definitions) {
    const other = found.get(definition.name)
    if (other === undefined) found.set(definition.name, definition)
    else if (other !== definition) {
      const files = [other, definition].map(({ file }) => file ?? 'code').join(' and ')
      faults.push(`${definition.kind} "${definition.name}" is defined twice: in ${files}`)
    }
  }
  return found
}

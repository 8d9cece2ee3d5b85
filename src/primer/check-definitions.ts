import type { ParameterTypes } from '../key/parameter.ts'
import { parseTemplate, type Template, templateNames } from '../key/template.ts'
import { usageOf } from '../sql/usage.ts'
import { didYouMean } from '../text/nearest.ts'
import type { Updater } from '../updater/definition.ts'
import { isSchema } from '../updater/updater.ts'
import type { AnyPrimer } from './definition.ts'
import type { Registry } from './registry.ts'

/** What does not fit together in a system, one sentence each. */
export function checkDefinitions(registry: Registry): string[] {
  const faults: string[] = []
  const report = (definition: AnyPrimer | Updater, fault: string | null) => {
    if (fault === null) return
    const file = definition.file === null ? '' : `${definition.file}: `
    faults.push(`${file}${definition.kind} "${definition.name}": ${fault}`)
  }
  for (const primer of registry.primers.values()) {
    for (const text of primer.afterPrimes) report(primer, afterPrimesFault(registry, primer, parseTemplate(text)))
    for (const text of primer.afterUpdates) report(primer, afterUpdatesFault(registry, primer, parseTemplate(text)))
    report(primer, overFault(registry, primer))
  }
  for (const updater of registry.updaters.values()) {
    for (const text of updater.changes) report(updater, changesFault(registry, updater, parseTemplate(text)))
  }
  return [...faults, ...cycles(registry)]
}

/** `afterPrimes: ['source/:a']`: the source's parameters, by position, give this primer's by name. */
function afterPrimesFault(registry: Registry, primer: AnyPrimer, template: Template): string | null {
  const source = registry.primers.get(template.name)
  const where = `afterPrimes "${template.text}"`
  if (source === undefined) return `${where} names no product${didYouMean(template.name, registry.primers.keys())}`
  const expected = namesOf(source)
  if (template.segments.length !== expected.length) {
    return `${where} must have ${expected.length} parameters, as ${keyForm(source)} has`
  }
  const named = templateNames(template)
  const unfilled = namesOf(primer).find((name) => !named.includes(name))
  return unfilled === undefined ? null : `${where} does not say which :${unfilled}`
}

/** `afterUpdates: ['updater/:a']`: this primer's parameters come from what the updater knows. */
function afterUpdatesFault(registry: Registry, primer: AnyPrimer, template: Template): string | null {
  const updater = registry.updaters.get(template.name)
  const where = `afterUpdates "${template.text}"`
  if (updater === undefined) return `${where} names no updater${didYouMean(template.name, registry.updaters.keys())}`
  const stray = templateNames(template).find((name) => !namesOf(primer).includes(name))
  // In the original a name could stand for a segment that nobody needs.
  if (stray !== undefined && updater.choose === 'key') return `${where} names :${stray}, which is no parameter of it`
  return unfillable(updater, where, namesOf(primer), templateNames(template))
}

/** `changes: ['product/:a']` of an updater: the product's parameters come from what the updater knows. */
function changesFault(registry: Registry, updater: Updater, template: Template): string | null {
  const primer = registry.primers.get(template.name)
  const where = `changes "${template.text}"`
  if (primer === undefined) return `${where} names no product${didYouMean(template.name, registry.primers.keys())}`
  const types: ParameterTypes = primer.parameters
  const names = Object.keys(types)
  if (template.segments.length > 0 && template.segments.length !== names.length) {
    return `${where} must have ${names.length} parameters, as ${keyForm(primer)} has`
  }
  for (const [index, segment] of template.segments.entries()) {
    if (!('literal' in segment)) continue
    try {
      types[names[index] ?? '']?.parse(segment.literal)
    } catch (error) {
      return `${where}: "${names[index]}" ${(error as Error).message}`
    }
  }
  return unfillable(updater, where, template.segments.length > 0 ? templateNames(template) : names, [])
}

/** The first of `names` that no request to the updater can fill. */
function unfillable(
  updater: Updater,
  where: string,
  names: readonly string[],
  byUrl: readonly string[],
): string | null {
  const known = knownNames(updater)
  if (known === null) return null
  const fromUrl = updater.choose === 'key' ? [] : byUrl
  const missing = names.find((name) => !known.includes(name) && !fromUrl.includes(name))
  if (missing === undefined) return null
  return `${where} needs "${missing}", which is not in the key or body of updater "${updater.name}" and not returned by its SQL: add "returning ${missing}"`
}

/** What is known of a write: its key, its body and what its statements give back; null when that cannot be listed. */
function knownNames(updater: Updater): readonly string[] | null {
  if (updater.run !== null || isSchema(updater.body)) return null
  const returned = [updater.update, updater.insert].flatMap((statement) =>
    statement === null ? [] : usageOf(statement).returns,
  )
  return returned.includes('*') ? null : [...Object.keys(updater.key), ...Object.keys(updater.body), ...returned]
}

function overFault(registry: Registry, primer: AnyPrimer): string | null {
  const over = primer.schedule?.over ?? null
  if (over === null) return null
  try {
    registry.parseKey(over)
    return null
  } catch (error) {
    const name = over.split('/', 1)[0] ?? ''
    const hint = registry.primers.has(name) ? '' : didYouMean(name, registry.primers.keys())
    return `over "${over}" is no product key: ${(error as Error).message}${hint}`
  }
}

/** Circles of `afterPrimes`, each once, as `a -> b -> a`. */
function cycles(registry: Registry): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]) => {
    const start = path.indexOf(name)
    if (start >= 0) found.push(`afterPrimes run in a circle: ${[...path.slice(start), name].join(' -> ')}`)
    if (start >= 0 || done.has(name)) return
    for (const text of registry.primers.get(name)?.afterPrimes ?? []) {
      visit(parseTemplate(text).name, [...path, name])
    }
    done.add(name)
  }
  for (const name of registry.primers.keys()) visit(name, [])
  return found
}

function namesOf(primer: AnyPrimer): string[] {
  return Object.keys(primer.parameters)
}

function keyForm(primer: AnyPrimer): string {
  return [primer.name, ...namesOf(primer).map((name) => `:${name}`)].join('/')
}

import type { ResolvedConfig } from '../config/resolved.ts'
import { KckError } from '../errors.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import { sourcesUsed } from '../primer/create-registry.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import { didYouMean } from '../text/nearest.ts'
import type { Updater } from '../updater/definition.ts'

/** Whether the settings give every primer and updater what it needs. Throws one `INVALID_CONFIG` with all that is missing. */
export function checkNeeds(registry: Registry, config: ResolvedConfig): void {
  const problems = [...sourceProblems(registry, Object.keys(config.sources)), ...accessProblems(registry, config)]
  if (problems.length === 0) return
  const message = `Primers and updaters need what the settings do not give:\n  ${problems.join('\n  ')}`
  throw new KckError('INVALID_CONFIG', message, { details: { problems } })
}

type Definition = AnyPrimer | Updater

const nameOf = ({ kind, name, file }: Definition) => `${kind} ${name}${file === null ? '' : ` (${file})`}`

function sourceProblems(registry: Registry, sources: readonly string[]): string[] {
  const list = sources.join(', ')
  return [...sourcesUsed(registry)].flatMap(([source, users]) => {
    if (source !== null && !sources.includes(source)) {
      const guess = didYouMean(source, sources)
      return users.map((user) => `${nameOf(user)} names the source '${source}'${guess}; there is ${list}`)
    }
    if (source !== null || sources.length === 1) return []
    return users.map((user) => `${nameOf(user)} must name its source, since there are several: ${list}`)
  })
}

/** Without anybody who can sign in, a rule that asks for a token would refuse everybody: an oversight, so it is said. */
function accessProblems({ primers, updaters }: Registry, { auth }: ResolvedConfig): string[] {
  if (auth !== null) return []
  return [...primers.values(), ...updaters.values()].flatMap((definition) => {
    const types: ParameterTypes = definition.kind === 'primer' ? definition.parameters : definition.key
    const bound = Object.keys(types).find((name) => types[name]?.claim !== undefined)
    if (bound !== undefined) {
      return [`${nameOf(definition)} binds ${bound} to a claim, but nobody can sign in; set auth`]
    }
    const { access } = definition
    const asks = access === 'authenticated' || (typeof access === 'object' && access !== null)
    return asks ? [`${nameOf(definition)} asks for a token, but nobody can sign in; set auth`] : []
  })
}

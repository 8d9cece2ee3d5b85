import type { ResolvedConfig } from '../config/resolved.ts'
import { KckError } from '../errors.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import { didYouMean } from '../text/nearest.ts'
import type { Updater } from '../updater/definition.ts'

/** Whether the settings give every primer and updater what it needs. Throws one `INVALID_CONFIG` with all that is missing. */
export function checkDefinitions({ primers, updaters }: Registry, config: ResolvedConfig): void {
  const problems = [...primers.values(), ...updaters.values()].flatMap((definition) =>
    [sourceProblem(definition, Object.keys(config.sources)), accessProblem(definition, config)]
      .filter((problem) => problem !== null)
      .map((problem) => `  ${definition.kind} ${definition.name}${inFile(definition)} ${problem}`),
  )
  if (problems.length === 0) return
  const message = `Primers and updaters need what the settings do not give:\n${problems.join('\n')}`
  throw new KckError('INVALID_CONFIG', message, { details: { problems } })
}

type Definition = AnyPrimer | Updater

const inFile = ({ file }: Definition) => (file === null ? '' : ` (${file})`)

function sourceProblem(definition: Definition, sources: readonly string[]): string | null {
  const { source } = definition
  if (source !== null && !sources.includes(source)) {
    return `names the source '${source}'${didYouMean(source, sources)}; sources has ${sources.join(', ')}`
  }
  const hasSql =
    definition.kind === 'primer'
      ? definition.statement !== null
      : definition.update !== null || definition.insert !== null
  return source === null && hasSql && sources.length > 1
    ? `must name its source, since there are several: ${sources.join(', ')}`
    : null
}

/** Without anybody who can sign in, a rule that asks for a token would refuse everybody: an oversight, so it is said. */
function accessProblem(definition: Definition, { auth }: ResolvedConfig): string | null {
  if (auth !== null) return null
  const types: ParameterTypes = definition.kind === 'primer' ? definition.parameters : definition.key
  const bound = Object.entries(types).find(([, type]) => type.claim !== undefined)
  if (bound) return `binds the parameter ${bound[0]} to a claim, but nobody can sign in: set auth`
  const { access } = definition
  return access === null || access === 'public' || typeof access === 'function'
    ? null
    : 'asks for a token, but nobody can sign in: set auth'
}

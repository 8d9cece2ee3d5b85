import type { JsonValue } from '../entry/json.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { FetchRequest } from '../kck/kck.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { ProcessDeps } from './deps.ts'

/**
 * The keys of a primer that are to be kept warm: its only one, or those that the product `over` lists. That product's
 * value is a list of parameters as objects (what else stands in them does not matter: rows of a query will do) or of
 * whole keys. What cannot be understood is left out, with one `fault` for all. Each key once.
 */
export async function domainKeys(
  deps: Pick<ProcessDeps, 'kck'>,
  primer: AnyPrimer,
  request: FetchRequest,
): Promise<readonly ProductKey[]> {
  const { registry } = deps.kck
  const over = primer.schedule?.over ?? null
  if (over === null) return [registry.keyOf(primer, {})]
  const listed = await deps.kck.get(over, { deadline: Number.POSITIVE_INFINITY, ...request })
  if (!Array.isArray(listed)) {
    throw new KckError('COMPUTE_FAILED', `${over} must be a list of parameters or keys of ${primer.name}`)
  }
  const keys = new Map<string, ProductKey>()
  const refused: unknown[] = []
  for (const item of listed) {
    try {
      const key = keyOf(registry, primer, item)
      keys.set(key.text, key)
    } catch (error) {
      refused.push(error)
    }
  }
  if (refused.length > 0) {
    const error = new AggregateError(refused.slice(0, 10), `${refused.length} items of ${over} are no ${primer.name}`)
    emit({ type: 'fault', where: `the domain of ${primer.name}`, key: over, error })
  }
  return [...keys.values()]
}

function keyOf(registry: Registry, primer: AnyPrimer, item: JsonValue): ProductKey {
  if (typeof item === 'string') {
    const key = registry.parseKey(item)
    if (key.primer.name === primer.name) return key
    throw new KckError('BAD_KEY', `It is a key of ${key.primer.name}`)
  }
  if (item === null || typeof item !== 'object' || Array.isArray(item)) {
    throw new KckError('BAD_PARAMETER', 'It is neither a key nor an object of parameters')
  }
  const given = item as Readonly<Record<string, unknown>>
  const names = Object.keys(primer.parameters).filter((name) => Object.hasOwn(given, name))
  return registry.keyOf(primer, Object.fromEntries(names.map((name) => [name, given[name]])))
}

import { freshness } from '../entry/freshness.ts'
import { KckError } from '../errors.ts'
import type { Store } from '../ports/store.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import { keyOfDependent, primerNode } from '../refresh/recorder.ts'
import type { KeyPage, KeyQuery, ListedKey } from './contract.ts'
import { stateOf } from './explain.ts'

/** The keys of one primer that have a value, in no order that means anything. Throws `UNKNOWN_PRODUCT`. */
export async function listKeys(
  deps: { readonly registry: Registry; readonly store: Store },
  query: KeyQuery,
  now: number,
  signal?: AbortSignal,
): Promise<KeyPage> {
  const primer = primerNamed(deps.registry, query.primer)
  const call = signal ? { signal } : {}
  const page = {
    limit: Math.min(1_000, query.limit ?? 100),
    ...(query.after === undefined ? {} : { after: query.after }),
  }
  const found = await deps.store.lineage.dependents(primerNode(primer.name), page, call)
  const names = [...new Set(found.keys.map(keyOfDependent))]
  const entries = names.length === 0 ? [] : await deps.store.entries.getMany(names, call)
  const keys = entries.flatMap((entry): ListedKey[] => {
    const fresh = freshness(entry, primer.revision, now)
    if (fresh.state === 'missing') return []
    const { value } = fresh
    const failure = entry.row?.failure
    return [
      {
        key: entry.key,
        state: stateOf(fresh, entry),
        version: value.version,
        ageMs: Math.max(0, now - value.asOf),
        staleSince: fresh.state === 'stale' ? fresh.since : null,
        bytes: value.body.length,
        costMs: value.costMs,
        error: failure ? `${failure.code}: ${failure.message}` : null,
      },
    ]
  })
  return { keys, ...(found.next === undefined ? {} : { next: found.next }) }
}

export function primerNamed(registry: Registry, name: string): AnyPrimer {
  const primer = registry.primers.get(name)
  if (primer) return primer
  throw new KckError('UNKNOWN_PRODUCT', `There is no product ${name}; kck check lists what there is`)
}

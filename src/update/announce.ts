import type { ChangeOptions, Marked, SourceChange } from '../kck/kck.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { Registry } from '../primer/registry.ts'
import type { Changes } from '../refresh/change.ts'
import { changedNodes } from '../refresh/tables.ts'

/** Somebody says that a source changed: marks what rests on it, precise to rows where the change says which. */
export async function announce(
  deps: {
    readonly registry: Registry
    readonly store: Store
    readonly clock: Clock
    readonly entropy: Entropy
    readonly changes: Changes
  },
  change: SourceChange,
  request: ChangeOptions,
): Promise<Marked> {
  const { tables = [], tags = [], keys = [] } = change
  const products = keys.map((key) => deps.registry.parseKey(key))
  const ofTables = await Promise.all(tables.map((table) => changedNodes(deps.store.lineage, table)))
  const nodes = new Set([...ofTables.flat(), ...tags.map((tag) => `tag/${tag}`)])
  const id = request.id ?? deps.entropy.id()
  const cause = request.cause ?? describe(change)
  return deps.changes.carry({ id, cause, at: deps.clock.now(), nodes: [...nodes], products })
}

function describe({ tables = [], tags = [], keys = [] }: SourceChange): string {
  return [...tables.map(({ table }) => table), ...tags, ...keys].slice(0, 3).join(', ') || 'a change'
}

import { once } from '../change/once.ts'
import { KckError } from '../errors.ts'
import type { AnnouncedTable, ChangeOptions, Marked, SourceChange, TableChange } from '../kck/kck.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { Changes } from '../refresh/change.ts'
import { nodesOfChanges } from '../refresh/tables.ts'

interface AnnounceDeps {
  readonly registry: Registry
  readonly sources: ReadonlyMap<string, Source>
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly changes: Changes
}

/**
 * Somebody says that a source changed: marks what rests on it, precise to rows where the change says which. With an id,
 * once. Throws `INVALID_BODY` for a source that is not there, and what a key that cannot be read throws.
 */
export async function announce(deps: AnnounceDeps, change: SourceChange, request: ChangeOptions): Promise<Marked> {
  const tables = (change.tables ?? []).map((table) => ofSource(deps.sources, table))
  const products = (change.keys ?? []).map((key) => deps.registry.parseKey(key))
  const { id } = request
  const carry = (changeId: string) => carryThrough(deps, { ...change, tables }, products, { ...request, id: changeId })
  if (id === undefined) return carry(deps.entropy.id())
  return once({ ...deps, registers: deps.store.registers }, id, change, () => carry(id))
}

async function carryThrough(
  { store, clock, changes }: AnnounceDeps,
  change: SourceChange & { readonly tables: readonly TableChange[] },
  products: readonly ProductKey[],
  { id, cause = describe(change), signal }: ChangeOptions & { readonly id: string },
): Promise<Marked> {
  const ofTables = await nodesOfChanges(store.lineage, change.tables)
  const nodes = new Set([...ofTables, ...(change.tags ?? []).map((tag) => `tag/${tag}`)])
  return changes.carry({ id, cause, at: clock.now(), nodes: [...nodes], products }, signal)
}

function ofSource(sources: ReadonlyMap<string, Source>, { source, ...table }: AnnouncedTable): TableChange {
  const only = sources.size === 1 ? [...sources.keys()][0] : undefined
  const name = source ?? only
  if (name !== undefined && (sources.size === 0 || sources.has(name))) return { ...table, source: name }
  const message = source === undefined ? 'Say which source: there is not just one' : 'There is no such source'
  throw new KckError('INVALID_BODY', message, { details: { field: 'source' } })
}

function describe({ tables = [], tags = [], keys = [] }: SourceChange): string {
  const names = new Set([...tables.map(({ table }) => table), ...tags, ...keys])
  return [...names].slice(0, 3).join(', ') || 'a change'
}

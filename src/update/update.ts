import { toJsonForm } from '../entry/json-form.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { TableChange, Updated, UpdateRequest } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import { openScope } from '../kck/scope.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { Change } from '../primer/definition.ts'
import { runAfter, runBefore } from '../primer/hooks.ts'
import type { ProductKey, Registry, UpdaterKey } from '../primer/registry.ts'
import type { Announced, Changes } from '../refresh/change.ts'
import { chooseSource } from '../refresh/context.ts'
import { primerNode } from '../refresh/recorder.ts'
import { changedNodes, returnedColumns } from '../refresh/tables.ts'
import { type Chosen, chooseStatement, validateBody } from '../updater/body.ts'
import type { Updater } from '../updater/definition.ts'
import { mayWrite, type Written, write } from './write.ts'

export interface UpdateDeps {
  readonly registry: Registry
  readonly sources: ReadonlyMap<string, Source>
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly options: KckOptions
  readonly changes: Changes
}

type Fields = Readonly<Record<string, unknown>>

/** Rows of `returning` that the answer shows. */
const SHOWN = 100

/**
 * One write: validate, write down what it will change, run its SQL in one transaction, mark what it changed, cross out.
 * The answer comes after the marks: a caller that has it never reads a product that still counts as fresh without the
 * write. A process that dies in between leaves the note, and the sweep marks what the write may have changed.
 */
export async function runUpdate(
  deps: UpdateDeps,
  text: string,
  rawBody: unknown,
  request: UpdateRequest,
): Promise<Updated> {
  const { clock, options } = deps
  const target = deps.registry.parseUpdaterKey(text)
  const { updater } = target
  const body = validateBody(updater, rawBody)
  const chosen = chooseStatement(updater, { key: target.parameters, body })
  refuseUnknownChanges(deps.registry, target, { body, chosen })
  const startedAt = clock.now()
  const event = { updater: updater.name, key: target.parameters ?? {}, body }
  const scope = openScope(clock, request.deadline ?? startedAt + options.deadlineMs, request.signal)
  try {
    await runBefore('beforeUpdate', updater.hooks.beforeUpdate, event)
    const source = chooseSource(deps.sources, updater.source)
    const change = { id: deps.entropy.id(), cause: `update ${text}`, at: startedAt }
    const before = await beforeWriting(deps, target, source.name, { body, chosen })
    const intent = await deps.changes.intend({ ...change, nodes: before.nodes, until: scope.deadline }, before.keys)
    await deps.changes.begin(before.augmentable, change, scope.signal)
    const written = await write(source, target, { body, chosen, signal: scope.signal }).catch(
      async (error: unknown) => {
        // Rolled back for certain: nothing is owed. A lost connection leaves it open, and the sweep settles it.
        if (isRolledBack(error) && !scope.signal.aborted) {
          const products = before.augmentable
          await deps.changes.mark({ ...change, nodes: [], products, deltas: deltasOf(products, () => null) })
          await intent.settle()
        }
        // A database that is still starting has not seen the write.
        throw (scope.signal.aborted && source.hindrance?.()) || error
      },
    )
    const after = await afterWriting(deps, target, { body, written, change })
    const deltas = deltasOf(before.augmentable, (product) => deltaOf(product, text, { target, body, written }))
    const marked = await deps.changes.mark({ ...after, deltas }, scope.signal)
    await intent.settle()
    emit({ type: 'update', updater: updater.name, costMs: clock.now() - startedAt, changed: marked.marked })
    await runAfter('afterUpdate', updater.hooks.afterUpdate, event)
    return {
      updater: updater.name,
      mode: chosen.mode,
      rowCount: written.rowCount,
      rows: written.rows.slice(0, SHOWN),
      changed: marked.keys,
      changedCount: marked.marked,
      after: marked.after,
    }
  } finally {
    scope.end()
  }
}

/** Better before the write than after it: a write whose changes cannot be named is refused. */
export function refuseUnknownChanges(
  registry: Registry,
  target: UpdaterKey,
  at: { readonly body: Fields; readonly chosen: Chosen },
): void {
  if (namedProducts(registry, target, at.body, []) !== null) return
  const statement = at.chosen.statement
  if (statement === null || returnedColumns(statement).length > 0) return
  registry.changedBy(target.updater, { ...at.body, ...target.parameters }, target.segments)
}

/** The products that a write names; null when that takes a row that it has not given back yet. */
export function namedProducts(
  registry: Registry,
  target: UpdaterKey,
  body: Fields,
  rows: readonly Fields[],
): readonly ProductKey[] | null {
  const { updater, parameters, segments } = target
  try {
    const known = rows.length === 0 ? [{}] : rows
    return known.flatMap((row) => registry.changedBy(updater, { ...body, ...row, ...parameters }, segments))
  } catch (error) {
    if (error instanceof KckError && error.code === 'BAD_REQUEST') return null
    throw error
  }
}

export interface Before {
  readonly nodes: readonly string[]
  readonly keys: readonly string[]
  /** The products among `keys` that can be augmented with what the write will say of them. */
  readonly augmentable: readonly ProductKey[]
}

// A transaction that throws was rolled back, unless the connection or the time ended while it committed.
export function isRolledBack(error: unknown): boolean {
  if (!(error instanceof KckError)) return true
  const inDoubt = error.code === 'SOURCE_UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED'
  return !inDoubt && error.details['outcome'] !== 'unknown'
}

/** By key; what nobody can say of a product is left out, and it is computed anew. */
export function deltasOf(products: readonly ProductKey[], say: (product: ProductKey) => Change | null | undefined) {
  const said = products.map((product) => [product.text, say(product)] as const)
  return new Map(said.flatMap(([key, delta]) => (delta === undefined ? [] : [[key, delta] as const])))
}

/** What a write says of a product: what its code said, else the one row it gave back, else what it was given. */
export function deltaOf(
  product: ProductKey,
  updaterKey: string,
  done: { readonly target: UpdaterKey; readonly body: Fields; readonly written: Written },
): Change | undefined {
  const { named, rows, rowCount } = done.written
  const said = named.filter((change) => change.key === product.text)
  if (said.length === 1) return said[0]
  if (said.length > 1 || rows.length > 1 || rowCount > 1) return undefined
  return { key: updaterKey, after: rows[0] ?? toJsonForm({ ...done.body, ...done.target.parameters }) }
}

/** What the write may change, as far as can be said before it: rather too much. */
export async function beforeWriting(
  { registry, store }: UpdateDeps,
  target: UpdaterKey,
  source: string,
  at: { readonly body: Fields; readonly chosen: Chosen },
): Promise<Before> {
  const named = namedProducts(registry, target, at.body, [])
  const tables = await nodesOf(store, mayWrite(source, at.chosen, { ...at.body, ...target.parameters }))
  const primers = named === null ? primersNamedBy(registry, target.updater).map(primerNode) : []
  return {
    nodes: [`updater/${target.updater.name}`, ...tables, ...primers],
    keys: named?.map((product) => product.text) ?? [],
    augmentable: named?.filter((product) => product.primer.augment !== null) ?? [],
  }
}

export async function afterWriting(
  { registry, store }: UpdateDeps,
  target: UpdaterKey,
  done: { readonly body: Fields; readonly written: Written; readonly change: Omit<Announced, 'nodes' | 'products'> },
): Promise<Announced> {
  const { written, body, change } = done
  const products = namedProducts(registry, target, body, written.rows)
  // A write that gave back no row although it might have: every key of the primers it names may be concerned.
  const primers = products === null ? primersNamedBy(registry, target.updater).map(primerNode) : []
  const named = written.named.map(({ key }) => registry.parseKey(key))
  const tables = await nodesOf(store, written.tables)
  return {
    ...change,
    nodes: [`updater/${target.updater.name}`, ...tables, ...primers],
    products: [...(products ?? []), ...named],
  }
}

export function primersNamedBy(registry: Registry, updater: Updater): readonly string[] {
  const nameOf = (template: string) => template.split('/', 1)[0] ?? template
  const naming = [...registry.primers.values()].filter((primer) =>
    primer.afterUpdates.some((template: string) => nameOf(template) === updater.name),
  )
  return [...updater.changes.map(nameOf), ...naming.map((primer) => primer.name)]
}

async function nodesOf(store: Store, changes: readonly TableChange[]): Promise<readonly string[]> {
  const nodes = await Promise.all(changes.map((change) => changedNodes(store.lineage, change)))
  return [...new Set(nodes.flat())]
}

import { changeOf, isUnderWay } from '../entry/deltas.ts'
import type { Mark, Materialization, StoredEntry } from '../entry/entry.ts'
import { pendingMarks } from '../entry/freshness.ts'
import type { JsonValue } from '../entry/json.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { emit } from '../events.ts'
import { loadBody } from '../fetch/fetched-body.ts'
import type { Clock } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { Change } from '../primer/definition.ts'
import type { ProductKey } from '../primer/registry.ts'

/**
 * Augment: a newer value from the current one and what changed, instead of a recompute (incremental view maintenance:
 * V' = V + dV). Applied only where nothing can have been missed or seen twice: the value was clean when the first of
 * the changes began, and every mark since then belongs to a change that says what it was. Anything else is a recompute.
 */
export interface AugmentDeps {
  readonly entries: EntryStore
  readonly clock: Clock
  /** False once an augmented value of this primer disagreed with a recomputed one. */
  readonly trusted: (product: ProductKey) => Promise<boolean>
}

export interface Augmented {
  readonly valueJson: string
  readonly costMs: number
}

export async function tryAugment(
  deps: AugmentDeps,
  product: ProductKey,
  { value, changes }: { readonly value: Materialization | null; readonly changes: readonly Change[] | null },
  signal: AbortSignal,
): Promise<Augmented | null> {
  const augment = product.primer.augment
  if (!(augment && value && changes && (await deps.trusted(product)))) return null
  const body = await loadBody(deps.entries, product.text, value.body, signal)
  if (!body) return null
  const startedAt = deps.clock.now()
  const report = (outcome: 'applied' | 'declined' | 'failed') =>
    emit({ type: 'augment', key: product.text, costMs: deps.clock.now() - startedAt, outcome })
  try {
    const made: unknown = await augment((await body.value()) as never, { changes }, product.parameters)
    report(made === undefined ? 'declined' : 'applied')
    if (made === undefined) return null
    return { valueJson: JSON.stringify(toJsonForm(made)), costMs: deps.clock.now() - startedAt }
  } catch (error) {
    report('failed')
    emit({ type: 'fault', where: `augment of ${product.primer.name}`, key: product.text, error })
    return null
  }
}

/** The changes that the marks beside an entry tell of; null when they do not say all. */
export function changesMarked(product: ProductKey, before: StoredEntry, now: number): readonly Change[] | null {
  const value = before.row?.value
  return value && mayAugment(product, before, value, now) ? completeChanges(pendingMarks(before)) : null
}

function mayAugment(product: ProductKey, before: StoredEntry, value: Materialization, now: number): boolean {
  return (
    value.builtEpoch === before.row?.epoch &&
    !before.marks.some((mark) => isUnderWay(mark, before.marks)) &&
    value.primerRevision === product.primer.revision &&
    (value.softExpiresAt === null || now < value.softExpiresAt) &&
    (value.hardExpiresAt === null || now < value.hardExpiresAt)
  )
}

/** What all these marks say together, oldest first; null when one of them does not say it. */
function completeChanges(marks: readonly Mark[]): readonly Change[] | null {
  const begun = new Set(marks.filter((mark) => mark.delta?.phase === 'begin').map((mark) => mark.delta?.of))
  const ended = new Map(marks.flatMap((mark) => (mark.delta?.phase === 'end' ? [[mark.delta.of, mark] as const] : [])))
  if (ended.size === 0 || begun.size !== ended.size) return null
  for (const of of begun) if (of === undefined || !ended.has(of)) return null
  // A mark that the same change placed on its way (a table that the product reads) is explained by its delta.
  const isExplained = (mark: Mark) => mark.delta !== undefined || (!mark.upstream && ended.has(changeOf(mark.id)))
  if (!marks.every(isExplained)) return null
  return [...ended.values()]
    .sort((a, b) => a.at - b.at)
    .flatMap((mark) => (mark.delta?.change ? [JSON.parse(mark.delta.change) as Change] : []))
}

/** Whether two JSON texts say the same, whatever the order of names. */
export function sameJson(one: string, other: string): boolean {
  return one === other || canonical(JSON.parse(one)) === canonical(JSON.parse(other))
}

function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_name, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

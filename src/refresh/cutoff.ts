import type { EntryRow, Input, Materialization } from '../entry/entry.ts'
import { KckError } from '../errors.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { ComputeDeps } from './compute.ts'
import { isBehind, isProduct, keyOfProduct, newestOf } from './recorder.ts'

/**
 * Early cutoff: a product that is dirty only because something upstream may have changed is as it was when every
 * product it read says, made fresh, what it said last time. Then nothing is computed, and nothing downstream changes.
 * Returns the value to stamp anew, or null when it must be computed. (The idea: Acar's change propagation; "early
 * cutoff" as in Mokhov, Mitchell and Peyton Jones, Build Systems a la Carte.)
 */
export async function tryCutoff(
  deps: Pick<ComputeDeps, 'fetchMany'> & { readonly registry: Registry },
  product: ProductKey,
  row: EntryRow,
  at: { readonly signal: AbortSignal; readonly now: number },
): Promise<Omit<Materialization, 'builtEpoch'> | null> {
  const value = row.value
  if (!(value && mayCutOff(row, value, product, at.now))) return null
  const read = value.inputs.filter((input) => isProduct(input.node))
  const keys = read.map((input) => deps.registry.parseKey(keyOfProduct(input.node)))
  const answers = await deps.fetchMany(
    keys,
    { maxStaleMs: 0, signal: at.signal, deadline: Number.POSITIVE_INFINITY },
    product.text,
  )
  const now = new Map<string, Input>()
  const restsOn: (readonly Input[])[] = []
  for (const [index, input] of read.entries()) {
    const answer = answers[index]
    if (answer === undefined || answer instanceof KckError) throw answer ?? new KckError('INTERNAL', 'No answer')
    if (answer.contentHash !== input.contentHash) return null
    const same = { ...input, version: answer.version }
    now.set(input.node, same)
    restsOn.push([...answer.value.ancestors, same])
  }
  const newest = newestOf(restsOn)
  // A mix of old and new that was published because a change was on its way.
  if (restsOn.some((ancestors) => isBehind(ancestors, newest))) return null
  return {
    ...value,
    inputs: value.inputs.map((input) => now.get(input.node) ?? input),
    ancestors: [...newest.values()],
  }
}

function mayCutOff(row: EntryRow, value: Materialization, product: ProductKey, now: number): boolean {
  return (
    value.builtEpoch !== row.epoch &&
    !row.dirtyDirect &&
    value.primerRevision === product.primer.revision &&
    (value.softExpiresAt === null || now < value.softExpiresAt) &&
    (value.hardExpiresAt === null || now < value.hardExpiresAt)
  )
}

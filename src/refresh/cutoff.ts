import type { EntryRow, Input, Materialization } from '../entry/entry.ts'
import { KckError } from '../errors.ts'
import type { Answer } from '../fetch/answer.ts'
import type { Change } from '../primer/definition.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { ComputeDeps } from './compute.ts'
import { isBehind, isProduct, keyOfProduct, newestOf } from './recorder.ts'

/** What a value rests on, read once more and made fresh. */
export interface Compared {
  /** The value as it was, resting on what was read now. */
  readonly value: Omit<Materialization, 'builtEpoch'>
  /** Products that say something else than when the value was made. */
  readonly changes: readonly Change[]
}

/**
 * Early cutoff: a product that is dirty only because something upstream may have changed is as it was when every
 * product it read says, made fresh, what it said last time. Then nothing is computed, and nothing downstream changes.
 * What says something else is a change from which the product may be augmented: the value names the versions that it
 * was made of, so nothing is missed or counted twice. Null: it must be computed. (The idea: Acar's change propagation;
 * "early cutoff" as in Mokhov, Mitchell and Peyton Jones, Build Systems a la Carte.)
 */
export async function compareInputs(
  deps: Pick<ComputeDeps, 'fetchMany'> & { readonly registry: Registry },
  product: ProductKey,
  row: EntryRow,
  at: { readonly signal: AbortSignal; readonly now: number },
): Promise<Compared | null> {
  const value = row.value
  if (!(value && mayCutOff(row, value, product, at.now))) return null
  const now = new Map<string, Input>()
  const restsOn: (readonly Input[])[] = []
  const changes: Change[] = []
  for (const { input, answer } of await readAgain(deps, product, value, at.signal)) {
    if (answer.contentHash !== input.contentHash) {
      if (!product.primer.augment) return null
      changes.push({ key: answer.key, after: await answer.body.value() })
    }
    const read = { ...input, version: answer.version, contentHash: answer.contentHash }
    now.set(input.node, read)
    restsOn.push([...answer.value.ancestors, read])
  }
  const newest = newestOf(restsOn)
  // A mix of old and new that was published because a change was on its way.
  if (restsOn.some((ancestors) => isBehind(ancestors, newest))) return null
  const inputs = value.inputs.map((input) => now.get(input.node) ?? input)
  return { value: { ...value, inputs, ancestors: [...newest.values()] }, changes }
}

/** The products that a value was made of, as they are now. */
async function readAgain(
  deps: Parameters<typeof compareInputs>[0],
  product: ProductKey,
  { inputs }: Materialization,
  signal: AbortSignal,
): Promise<readonly { readonly input: Input; readonly answer: Answer }[]> {
  const read = inputs.filter((input) => isProduct(input.node))
  const keys = read.map((input) => deps.registry.parseKey(keyOfProduct(input.node)))
  const request = { maxStaleMs: 0, signal, deadline: Number.POSITIVE_INFINITY }
  const answers = await deps.fetchMany(keys, request, product.text)
  return read.map((input, index) => {
    const answer = answers[index]
    if (answer === undefined || answer instanceof KckError) throw answer ?? new KckError('INTERNAL', 'No answer')
    return { input, answer }
  })
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

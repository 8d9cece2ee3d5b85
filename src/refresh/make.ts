import type { Materialization } from '../entry/entry.ts'
import type { Published } from '../entry/transitions.ts'
import { emit } from '../events.ts'
import { runAfter, runBefore } from '../primer/hooks.ts'
import type { ProductKey } from '../primer/registry.ts'
import { type Augmented, changesMarked, sameJson, tryAugment } from './augment.ts'
import type { AugmentTrust } from './augment-trust.ts'
import type { Compared } from './cutoff.ts'
import { materialize } from './materialize.ts'
import { dropEdges, type Held, type HeldEntry } from './publish.ts'
import type { Newest } from './recorder.ts'
import { supersededBy, tryRollback } from './rollback.ts'
import { type Computed, type RunDeps, runConsistently } from './run.ts'

export interface MakeDeps extends RunDeps {
  readonly compareInputs: (product: ProductKey, row: Held['row'], signal: AbortSignal) => Promise<Compared | null>
  readonly augmentTrust: AugmentTrust
}

export interface Wanted {
  readonly cause: string
  readonly signal: AbortSignal
  /** Nothing but a compute will do. */
  readonly recompute: boolean
  /** Nothing that it reads may rest on less than this. */
  readonly newest?: Newest | undefined
  /** Id of a body that cannot be read and must not be kept. */
  readonly damaged?: string | undefined
}

export interface Made {
  readonly value: Published
  readonly how: 'computed' | 'augmented' | 'unchanged' | 'restored'
  /** Rows that were read from sources. */
  readonly rows?: number
  /** The primer ran. */
  readonly computed: boolean
  /** To be called when the value is published. */
  readonly published: () => Promise<void>
}

/** A value for a key under a lease, the cheapest way that is certainly right: as it was, augmented, or computed. */
export async function make(deps: MakeDeps, product: ProductKey, held: HeldEntry, wanted: Wanted): Promise<Made> {
  const at = { signal: wanted.signal, now: deps.clock.now() }
  const compared = wanted.recompute ? null : await deps.compareInputs(product, held.row, wanted.signal)
  if (compared?.changes.length === 0) {
    emit({ type: 'cutoff', key: product.text })
    return { value: compared.value, how: 'unchanged', computed: false, published: async () => undefined }
  }
  const former = wanted.recompute ? null : await tryRollback({ entries: deps.store.entries }, product, held, at)
  if (former) return fromFormer(deps, product, held, former)
  const augmented = wanted.recompute ? null : await augment(deps, product, { held, compared }, wanted.signal)
  const isSampled = augmented !== null && deps.entropy.random() < deps.options.augmentSampling
  return augmented && !isSampled
    ? fromAugment(deps, product, { held, compared }, augmented)
    : fromCompute(deps, product, held, { ...wanted, augmented })
}

interface Augmentable {
  readonly held: HeldEntry
  /** Null: what is known of changes are the marks. */
  readonly compared: Compared | null
}

function augment(
  deps: MakeDeps,
  product: ProductKey,
  { held, compared }: Augmentable,
  signal: AbortSignal,
): Promise<Augmented | null> {
  const trusted = (of: ProductKey) => deps.augmentTrust.trusted(of)
  const augmenting = { entries: deps.store.entries, clock: deps.clock, trusted }
  const changes = compared?.changes ?? changesMarked(product, held.before, deps.clock.now())
  return tryAugment(augmenting, product, { value: held.row.value, changes }, signal)
}

async function fromAugment(
  deps: MakeDeps,
  product: ProductKey,
  { held, compared }: Augmentable,
  augmented: Augmented,
): Promise<Made> {
  const before = compared?.value ?? held.row.value
  if (!before) throw new Error('only a value can be augmented')
  // What a change does not say, the age of the sources still does: an augmented value is as old as the one before.
  const { asOf, inputs, ancestors, costMs } = before
  const run = { valueJson: augmented.valueJson, asOf, inputs, ancestors, costMs }
  const value = await materialized(deps, product, held, run)
  return { value, how: 'augmented', computed: false, published: async () => undefined }
}

/** A rollback: what the definition said before, with a version of its own, because readers have seen another since. */
async function fromFormer(
  deps: MakeDeps,
  product: ProductKey,
  held: HeldEntry,
  former: { readonly value: Materialization; readonly valueJson: string },
): Promise<Made> {
  const { asOf, inputs, ancestors, costMs } = former.value
  const run = { valueJson: former.valueJson, asOf, inputs, ancestors, costMs }
  const value = await materialized(deps, product, held, run)
  const superseded = await supersededBy({ entries: deps.store.entries }, product, held.before)
  return { value: { ...value, superseded }, how: 'restored', computed: false, published: async () => undefined }
}

async function fromCompute(
  deps: MakeDeps,
  product: ProductKey,
  held: HeldEntry,
  wanted: Wanted & { readonly augmented: Augmented | null },
): Promise<Made> {
  const { hooks } = product.primer
  const { value: before } = held.row
  const event = { key: product.text, parameters: product.parameters }
  await runBefore('beforePrime', hooks.beforePrime, event)
  if (before) await runBefore('beforeRefresh', hooks.beforeRefresh, event)
  // Who missed waits for it; whoever refreshes behind answers does not.
  const priority = wanted.cause === 'miss' || wanted.cause === 'manual' ? 'interactive' : 'background'
  const run = await runConsistently(deps, product, held.row, { signal: wanted.signal, priority, newest: wanted.newest })
  if (wanted.augmented) await compare(deps, product, wanted.augmented, run)
  const { inputs, ancestors, dropped } = run.recorder
  const made = await materialized(deps, product, held, { ...run, inputs, ancestors, damaged: wanted.damaged })
  const isOtherDefinition = before !== null && before.primerRevision !== product.primer.revision
  // A chunked body that both definitions made stays with the newer one.
  const sharesBody = before?.body.id === made.body.id && made.body.inline === null
  const value =
    isOtherDefinition && !sharesBody
      ? { ...made, superseded: await supersededBy({ entries: deps.store.entries }, product, held.before) }
      : made
  const published = async () => {
    const { version, contentHash, body, costMs } = value
    const changed = before?.contentHash !== contentHash
    emit({ type: 'prime', key: product.text, cause: wanted.cause, costMs, version, bytes: body.length, changed })
    await dropEdges(deps.store, product.text, dropped)
    await runAfter('afterPrime', hooks.afterPrime, { ...event, version })
    if (before) await runAfter('afterRefresh', hooks.afterRefresh, { ...event, version })
  }
  return { value, how: 'computed', rows: run.recorder.rows, computed: true, published }
}

/** A sampled share of augments is compared with what the primer says. */
async function compare(deps: MakeDeps, product: ProductKey, augmented: Augmented, run: Computed): Promise<void> {
  if (sameJson(augmented.valueJson, run.valueJson)) return
  emit({ type: 'augment', key: product.text, costMs: augmented.costMs, outcome: 'disagreed' })
  await deps.augmentTrust.switchOff(product)
}

function materialized(
  { store, options, clock }: MakeDeps,
  product: ProductKey,
  held: HeldEntry,
  run: Pick<Computed, 'valueJson' | 'asOf' | 'costMs'> &
    Pick<Materialization, 'inputs' | 'ancestors'> & { readonly damaged?: string | undefined },
): Promise<Omit<Materialization, 'builtEpoch'>> {
  const { softTtlMs, hardTtlMs, revision } = product.primer
  return materialize(
    { entries: store.entries, compression: options.compression },
    held.row,
    {
      key: product.text,
      valueJson: run.valueJson,
      asOf: run.asOf,
      softTtlMs,
      hardTtlMs,
      primerRevision: revision,
      inputs: run.inputs,
      ancestors: run.ancestors,
      costMs: run.costMs,
      bodyId: held.token,
      damaged: run.damaged,
    },
    clock.now(),
  )
}

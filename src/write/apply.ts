import { emit } from '../events.ts'
import { openScope } from '../kck/scope.ts'
import type { Source } from '../ports/source.ts'
import { runAfter, runBefore } from '../primer/hooks.ts'
import type { ProductKey, UpdaterKey } from '../primer/registry.ts'
import {
  afterWriting,
  type Before,
  beforeWriting,
  deltaOf,
  deltasOf,
  isRolledBack,
  type UpdateDeps,
} from '../update/update.ts'
import { type Written, writeIn } from '../update/write.ts'
import { coalesced } from './coalesce.ts'
import { createLedger, enter, isMissing } from './ledger.ts'
import type { Ready } from './ready.ts'

export interface Batch {
  readonly shard: number
  readonly source: Source
  readonly writes: readonly Ready[]
}

interface Done extends Ready {
  readonly written: Written
}

/** Milliseconds that a batch may take, and after which the sweep carries its changes through if its process died. */
const BATCH_MS = 20_000

/**
 * Applies writes in their order in one transaction, with the note that they were applied, and marks what they changed.
 * Those that were applied before are left out, and what they may have changed is marked once more: whoever applied them
 * may have died before the marks. Throws what the transaction threw; then nothing of it was applied, unless the
 * connection was lost on its commit.
 */
export async function applyBatch(deps: UpdateDeps, batch: Batch, outer: AbortSignal): Promise<void> {
  const { clock, changes } = deps
  const startedAt = clock.now()
  const scope = openScope(clock, startedAt + BATCH_MS, outer)
  const { signal } = scope
  try {
    for (const { target, body } of batch.writes) {
      await runBefore('beforeUpdate', target.updater.hooks.beforeUpdate, eventOf(target, body))
    }
    const before = await Promise.all(
      batch.writes.map((ready) => beforeWriting(deps, ready.target, batch.source.name, ready)),
    )
    const change = { id: deps.entropy.id(), cause: causeOf(batch.writes), at: startedAt }
    const nodes = unique(before.flatMap((each) => each.nodes))
    const keys = unique(before.flatMap((each) => each.keys))
    const augmentable = [...new Map(before.flatMap((each) => each.augmentable).map((key) => [key.text, key])).values()]
    const intent = await changes.intend({ ...change, nodes, until: scope.deadline }, keys)
    await changes.begin(augmentable, change, signal)
    const { done, entered } = await inTransaction(deps, batch, signal).catch(async (error: unknown) => {
      if (isRolledBack(error) && !signal.aborted) {
        await changes.mark({ ...change, nodes: [], products: augmentable, deltas: deltasOf(augmentable, () => null) })
        await intent.settle()
      }
      throw error
    })
    const again = batch.writes.flatMap((ready, index) => (entered.has(ready.write.id) ? [] : [before[index] as Before]))
    const after = await Promise.all(
      [...done.values()].map((each) => afterWriting(deps, each.target, { ...each, change })),
    )
    const marked = await changes.mark(
      {
        ...change,
        nodes: unique([...after.flatMap((each) => each.nodes), ...again.flatMap((each) => each.nodes)]),
        products: [
          ...after.flatMap((each) => each.products),
          ...again.flatMap((each) => each.keys.map((key) => deps.registry.parseKey(key))),
        ],
        deltas: deltasOf(augmentable, (product) => onlyDelta(product, before, batch.writes, done)),
      },
      signal,
    )
    await intent.settle()
    for (const { target, body } of done.values()) {
      emit({ type: 'update', updater: target.updater.name, costMs: clock.now() - startedAt, changed: marked.marked })
      await runAfter('afterUpdate', target.updater.hooks.afterUpdate, eventOf(target, body))
    }
  } finally {
    scope.end()
  }
}

/** What was written, by id of the write; of those that were entered, as they were not applied before, some may be merged. */
async function inTransaction(
  deps: UpdateDeps,
  { shard, source, writes }: Batch,
  signal: AbortSignal,
): Promise<{ readonly done: ReadonlyMap<string, Done>; readonly entered: ReadonlySet<string> }> {
  const ids = writes.map(({ write }) => write.id)
  const first = firstOfEach(writes)
  const attempt = () =>
    source.transaction(
      async (transaction) => {
        const entered = await enter(transaction, shard, ids)
        const done = new Map<string, Done>()
        const fresh = writes.filter((ready) => entered.has(ready.write.id) && first.get(ready.write.id) === ready)
        for (const ready of coalesced(deps, fresh)) {
          const written = await writeIn({ source: source.name, transaction }, ready.target, { ...ready, signal })
          done.set(ready.write.id, { ...ready, written })
        }
        return { done, entered }
      },
      { signal, priority: 'background' },
    )
  try {
    return await attempt()
  } catch (error) {
    if (!isMissing(error)) throw error
    await createLedger(source, signal)
    return attempt()
  }
}

/** The same write may have been accepted twice. */
function firstOfEach(writes: readonly Ready[]): ReadonlyMap<string, Ready> {
  return new Map(writes.toReversed().map((ready) => [ready.write.id, ready]))
}

/** What the batch says of a product, when one write alone speaks of it. */
function onlyDelta(
  product: ProductKey,
  before: readonly Before[],
  writes: readonly Ready[],
  done: ReadonlyMap<string, Done>,
) {
  const speaking = writes.filter((_, index) => before[index]?.keys.includes(product.text))
  const [ready] = speaking
  const only = ready && done.get(ready.write.id)
  return speaking.length === 1 && only ? deltaOf(product, ready.write.updater, only) : undefined
}

function eventOf({ updater, parameters }: UpdaterKey, body: Readonly<Record<string, unknown>>) {
  return { updater: updater.name, key: parameters ?? {}, body }
}

function causeOf(writes: readonly Ready[]): string {
  const [first] = writes
  return writes.length === 1 && first ? `update ${first.write.updater}` : `${writes.length} cached writes`
}

function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)]
}

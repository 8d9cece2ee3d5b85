import type { EntryRow, Happening, Input, StoredEntry } from '../entry/entry.ts'
import { type MutateDeps, mutate } from '../entry/mutate.ts'
import { commit, forgetRetired, type Published, UNKNOWN_CHUNKS } from '../entry/transitions.ts'
import { emit } from '../events.ts'
import type { KckOptions } from '../kck/options.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { Changes, Intent } from './change.ts'
import { CHUNKS_AT_MOST } from './materialize.ts'
import { dependent, productNode } from './recorder.ts'

export interface PublishDeps extends MutateDeps {
  readonly store: Store
  readonly options: KckOptions
  readonly changes: Changes
  /** What this process holds of the key is outdated. */
  readonly outdated: (key: string) => void
}

/** The lease under which a compute runs, and the row as it was when it was taken. */
export interface Held {
  readonly row: EntryRow
  readonly token: string
}

export interface HeldEntry extends Held {
  /** As it was before. */
  readonly before: StoredEntry
}

export interface Publishing {
  readonly value: Published
  readonly happened: Happening
  /** The row is as the lease left it, as far as is known, and the marks that it folded are still there. */
  readonly isKnown: boolean
}

/** No reader takes longer than this to read the chunks of a body that it just learned of. */
const READERS_GONE_MS = 60_000

/**
 * Publishes a value under a lease; null when the lease was lost. A newer value that nobody announced yet (it was
 * computed because of its age, not because of a change) is a change for everything downstream: what is owed is written
 * down before the commit, so that a process that dies right after it leaves nobody with the old one.
 */
export async function publish(
  deps: PublishDeps,
  product: ProductKey,
  held: HeldEntry,
  { value, happened, isKnown }: Publishing,
): Promise<EntryRow | null> {
  const key = product.text
  const operation = `${held.token}:commit`
  const announcement = await announce(deps, product, held, value)
  // A mark that came since counts as long as it lies beside the row.
  const known = isKnown ? { key, row: held.row, marks: held.before.marks } : undefined
  const committed = await mutate(deps, { key, operation, happened, known }, (entry) =>
    commit(entry, held.token, value, deps.clock.now()),
  )
  if (!committed.applied) {
    emit({ type: 'lease', key, outcome: 'lost' })
    await announcement?.intent.settle()
    if (value.body.id === held.token) await deps.entries.deleteChunks(key, value.body.id, value.body.chunks)
    return null
  }
  deps.outdated(key)
  if (announcement) {
    await deps.changes.mark({ ...announcement.change, products: [] })
    await announcement.intent.settle()
  }
  await tidy(deps, committed.row)
  return committed.row
}

async function announce(
  deps: PublishDeps,
  product: ProductKey,
  held: Held,
  value: Published,
): Promise<{ readonly intent: Intent; readonly change: Parameters<Changes['intend']>[0] } | null> {
  const before = held.row.value
  if (before === null || before.contentHash === value.contentHash) return null
  // Whoever made it dirty has marked everything below it too.
  if (before.builtEpoch !== held.row.epoch) return null
  const change = {
    id: `${held.token}:new`,
    cause: `${product.text} has a newer value`,
    at: value.modified,
    nodes: [productNode(product.text)],
  }
  return { change, intent: await deps.changes.intend(change, []) }
}

/** Removes the edges of an older value that this one does not need. What is left behind costs a superfluous refresh. */
export async function dropEdges(store: Store, key: string, dropped: readonly Input[]): Promise<void> {
  try {
    await Promise.all(dropped.map((input) => store.lineage.removeEdges(dependent(key, input.edge), [input.node])))
  } catch (error) {
    emit({ type: 'fault', where: 'removing edges', key, error })
  }
}

/** Deletes the chunks of bodies that no row points to and no reader reads any more. */
export async function tidy(deps: MutateDeps, row: EntryRow): Promise<void> {
  const gone = row.retired.filter((body) => deps.clock.now() - body.at > READERS_GONE_MS)
  if (gone.length === 0) return
  try {
    for (const body of gone) {
      const count = body.chunks === UNKNOWN_CHUNKS ? CHUNKS_AT_MOST : body.chunks
      await deps.entries.deleteChunks(row.key, body.id, count)
    }
    const ids = gone.map((body) => body.id)
    await mutate(deps, { key: row.key, operation: deps.entropy.id() }, (entry) =>
      forgetRetired(entry, ids, deps.clock.now()),
    )
  } catch (error) {
    emit({ type: 'fault', where: 'deleting old chunks', key: row.key, error })
  }
}

import { concurrently } from '../async/concurrently.ts'
import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { land, type OverlayDeps, takeBack } from './overlays.ts'
import { type Logged, parseRecord, recordText } from './record.ts'
import { changeShard, type ShardState } from './shard.ts'

export interface SettleDeps extends OverlayDeps {
  readonly store: Pick<Store, 'registers' | 'entries' | 'writeQueue'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly outdated: (key: string) => void
}

/** How long it can be asked what became of a write. */
const KEEP_MS = 86_400_000
const AT_ONCE = 8
const PAGE = 100

/**
 * After the log has moved on: ends the overlays of what was decided and lets its records go in a day. Whoever dies in
 * the middle leaves it to the next.
 */
export async function settle(
  deps: SettleDeps,
  shard: number,
  state: ShardState,
  signal: AbortSignal,
): Promise<ShardState | null> {
  const { store } = deps
  let position = state.settled
  while (position < state.done) {
    const limit = Math.min(PAGE, state.done - position)
    const records = (await store.writeQueue.read(shard, position, limit, { signal })).map(parseRecord)
    if (records.length === 0) break
    await endOverlays(deps, records)
    await concurrently(
      records.filter((record) => !hasParked(record)),
      AT_ONCE,
      (record) => letGo(deps, shard, record),
    )
    position += records.length
  }
  const settled = await changeShard(deps, shard, (now) =>
    now.settled < state.done && now.lease?.token === state.lease?.token ? { ...now, settled: state.done } : undefined,
  )
  return settled ?? null
}

export function hasParked({ outcomes }: Pick<Logged, 'outcomes'>): boolean {
  return Object.values(outcomes).some((outcome) => outcome.state === 'parked')
}

/** Nothing of the record is of use any more but what became of it. */
export async function letGo(
  deps: Pick<SettleDeps, 'store' | 'clock' | 'entropy'>,
  shard: number,
  record: Logged,
): Promise<boolean> {
  const removeAt = deps.clock.now() + KEEP_MS
  return deps.store.writeQueue.replace(shard, record, {
    text: recordText(record),
    operation: deps.entropy.id(),
    removeAt,
  })
}

async function endOverlays(deps: SettleDeps, records: readonly Logged[]): Promise<void> {
  const landed = new Map<string, Set<string>>()
  const refused = new Map<string, Set<string>>()
  const decided = records.flatMap(({ writes, outcomes }) =>
    writes.map((write, index) => [write, outcomes[index]] as const),
  )
  for (const [{ id, updater, overlaid }, outcome] of decided) {
    if (!outcome) emit({ type: 'write', action: 'applied', id, updater })
    const ended = outcome ? refused : landed
    for (const key of overlaid) ended.set(key, (ended.get(key) ?? new Set()).add(id))
  }
  await concurrently([...landed], AT_ONCE, async ([key, ids]) => {
    await land(deps, key, ids)
    deps.outdated(key)
  })
  await concurrently([...refused], AT_ONCE, async ([key, ids]) => {
    await takeBack(deps, key, ids)
    deps.outdated(key)
  })
}

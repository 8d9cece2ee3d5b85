import { nextEpoch } from '../entry/freshness.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import { changeRegister } from '../process/register.ts'
import type { WaitingWrite } from './record.ts'

/** What waiting writes make of one product, as a register holds it for all processes. */
export interface Shown {
  /** Milliseconds; when this last changed what readers get: `modified` goes back for nobody. */
  readonly changedAt: number
  readonly writes: readonly ShownWrite[]
}

export interface ShownWrite {
  readonly id: string
  readonly updater: string
  readonly body: WaitingWrite['body']
  /** Milliseconds; when it was accepted. */
  readonly at: number
  /** A value that was built from this epoch on has it; null: it is not applied yet. */
  readonly landed: { readonly epoch: number; readonly at: number } | null
}

export interface OverlayDeps {
  readonly store: Pick<Store, 'registers' | 'entries'>
  readonly clock: Clock
  readonly entropy: Entropy
}

/** Writes that one product shows at most; a register ends at 64 KiB. */
const MOST = 100
const MOST_BYTES = 48 * 1024
/**
 * How long an applied write stays in the list: whoever reads an older value from a near cache or a slow replica still
 * has to know of it.
 */
const LINGER_MS = 60_000
/** How long a list is kept after its last change: a write that waits for longer is not shown any more. */
const KEEP_MS = 7 * 86_400_000

export const overlayName = (key: string) => `overlay/${key}`

/** Shows a write on a product until it is ended. False: the product shows as many as it can already. */
export async function show(deps: OverlayDeps, key: string, write: WaitingWrite): Promise<boolean> {
  const { id, updater, body, at } = write
  const made = await change(deps, key, (shown) => {
    const writes = [
      ...lingering(deps, shown.writes).filter((other) => other.id !== id),
      { id, updater, body, at, landed: null },
    ]
    if (writes.length > MOST || JSON.stringify(writes).length > MOST_BYTES) return undefined
    return { changedAt: deps.clock.now(), writes }
  })
  return made !== undefined
}

/** The writes are in the source, and what that changes is marked: values built from now on have them. */
export async function land(deps: OverlayDeps, key: string, ids: ReadonlySet<string>): Promise<void> {
  const epoch = nextEpoch(await deps.store.entries.get(key, { consistency: 'latest' }))
  const landed = { epoch, at: deps.clock.now() }
  await change(deps, key, (shown) => {
    if (!shown.writes.some((write) => ids.has(write.id) && write.landed === null)) return undefined
    return {
      changedAt: deps.clock.now(),
      writes: lingering(deps, shown.writes).map((write) =>
        ids.has(write.id) && !write.landed ? { ...write, landed } : write,
      ),
    }
  })
}

/** The writes were refused: nobody is to see them any more. */
export async function takeBack(deps: OverlayDeps, key: string, ids: ReadonlySet<string>): Promise<void> {
  await change(deps, key, (shown) => {
    if (!shown.writes.some((write) => ids.has(write.id))) return undefined
    return {
      changedAt: deps.clock.now(),
      writes: lingering(deps, shown.writes).filter((write) => !ids.has(write.id)),
    }
  })
}

function lingering({ clock }: OverlayDeps, writes: readonly ShownWrite[]): readonly ShownWrite[] {
  return writes.filter(({ landed }) => landed === null || clock.now() - landed.at < LINGER_MS)
}

function change(deps: OverlayDeps, key: string, next: (shown: Shown) => Shown | undefined): Promise<Shown | undefined> {
  const now = deps.clock.now()
  return changeRegister<Shown>(deps, overlayName(key), (shown) => next(shown ?? { changedAt: 0, writes: [] }), {
    removeAt: now + KEEP_MS,
  })
}

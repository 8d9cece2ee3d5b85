import type { Clock } from '../ports/clock.ts'
import type { Lane, RefreshQueue } from '../ports/refresh-queue.ts'
import type { Store } from '../ports/store.ts'
import type { Registry } from '../primer/registry.ts'
import { MINUTE_MS } from '../process/minutes.ts'
import { choose, LANES } from '../refresh/choose.ts'
import { lookAt } from '../refresh/look.ts'
import type { Backlog, WaitingKey } from './contract.ts'
import { listFailing } from './failing.ts'

export interface BacklogDeps {
  readonly registry: Registry
  readonly store: Store
  readonly queue: RefreshQueue
  readonly clock: Clock
}

/** How far back it looks; what is older waits for the sweep to move it. */
const MINUTES = 60

/** Reads the queue's length and the index of owed work; takes nothing out. Throws `STORE_UNAVAILABLE`. */
export async function backlog(deps: BacklogDeps, limit: number, signal?: AbortSignal): Promise<Backlog> {
  const now = deps.clock.now()
  const [depth, { waiting, more }, failing] = await Promise.all([
    deps.queue.depth(),
    listWaiting(deps, limit, now, signal),
    listFailing(deps, limit, now, signal),
  ])
  return { depth, waiting, more, failing }
}

async function listWaiting({ registry, store, clock }: BacklogDeps, limit: number, now: number, signal?: AbortSignal) {
  const owed = new Map<string, number>()
  let more = false
  for (let minute = now; minute > now - MINUTES * MINUTE_MS && !more; minute -= MINUTE_MS) {
    const page = await store.workIndex.list('refresh', minute, { limit }, signal ? { signal } : {})
    for (const { id, at } of page.items) owed.set(id, Math.min(at, owed.get(id) ?? at))
    more = page.next !== undefined || owed.size > limit
  }
  const requests = [...owed].slice(0, limit).map(([key, at]) => ({ key, cause: 'change', at }))
  const looks = await lookAt({ registry, entries: store.entries, clock }, requests, signal)
  const waiting = requests.flatMap(({ key, at }, index): WaitingKey[] => {
    const candidate = looks[index]?.candidate
    return candidate ? [{ key, since: candidate.staleSince ?? at, ...choose(candidate, now) }] : []
  })
  return { waiting: waiting.sort(inOrder), more }
}

function inOrder(a: WaitingKey, b: WaitingKey): number {
  return rank(a.lane) - rank(b.lane) || b.score - a.score
}

function rank(lane: Lane | null): number {
  return lane === null ? LANES.length : LANES.indexOf(lane)
}

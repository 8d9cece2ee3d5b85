import { concurrently } from '../async/concurrently.ts'
import type { StoredEntry } from '../entry/entry.ts'
import { emit } from '../events.ts'
import type { Work } from '../kck/kck.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Lane, RefreshQueue } from '../ports/refresh-queue.ts'
import type { Store } from '../ports/store.ts'
import type { WorkItem } from '../ports/work-index.ts'
import type { Registry } from '../primer/registry.ts'
import { candidateOf } from '../refresh/candidate.ts'
import { choose } from '../refresh/choose.ts'
import { tidy } from '../refresh/publish.ts'
import { eachMinute, MINUTE_MS, type MinuteSweep } from './minutes.ts'
import { judgeRefresh } from './owed-refresh.ts'

export interface SweepDeps {
  readonly registry: Registry
  readonly store: Store
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly entropy: Entropy
  readonly resume: Work['resume']
}

export interface SweepOptions {
  /** Items looked at in one call, about; what remains is for the next one. @default 5_000 */
  readonly items?: number
  /** Minutes looked at in one call, for each kind of work. @default 1_500: more than a day */
  readonly minutes?: number
}

export interface Swept {
  /** Changes that a process left unfinished and this sweep carried through. */
  readonly resumed: number
  /** Refreshes asked for once more, since the first request got lost. */
  readonly sent: number
  /** False: there is more to look at, or the store failed; sweep again. */
  readonly complete: boolean
}

/** A process has this long to finish what it wrote down, before it is taken for dead. */
const INTENT_GRACE_MS = 30_000
/** A refresh request has this long to be taken up, before its message is taken for lost. */
const REFRESH_GRACE_MS = 2 * MINUTE_MS
/** The longest time between two looks at a refresh that is owed. */
const LONGEST_WAIT_MS = 32 * MINUTE_MS
const INTENTS_AT_ONCE = 4
const TIDY_AT_ONCE = 8

/**
 * Finds what got lost: changes whose process died before every mark was placed, and refreshes whose message never
 * arrived. Reads the index of owed work, minute by minute, and of the entries only those that it names. Any number of
 * sweeps may run at the same time, and each may be stopped anywhere. Throws only the signal's reason.
 */
export async function sweep(deps: SweepDeps, signal?: AbortSignal, options: SweepOptions = {}): Promise<Swept> {
  const { items = 5_000, minutes = 1_500 } = options
  const startedAt = deps.clock.now()
  const counts = { resumed: 0, sent: 0 }
  const each = async (kind: WorkItem['kind'], graceMs: number, work: MinuteSweep['work']): Promise<boolean> => {
    try {
      return await eachMinute(deps, { kind, graceMs, work, items, minutes }, signal)
    } catch (error) {
      signal?.throwIfAborted()
      emit({ type: 'fault', where: `sweeping the ${kind} index`, error })
      return false
    }
  }
  const intentsDone = await each('intent', INTENT_GRACE_MS, async (found) => {
    counts.resumed += await resumeIntents(deps, found, signal)
  })
  const refreshesDone = await each('refresh', REFRESH_GRACE_MS, async (found) => {
    counts.sent += await requestAgain(deps, found, signal)
  })
  if (counts.resumed + counts.sent > 0) {
    emit({ type: 'process', name: 'sweep', outcome: 'finished', costMs: deps.clock.now() - startedAt })
  }
  return { ...counts, complete: intentsDone && refreshesDone }
}

async function resumeIntents(deps: SweepDeps, items: readonly WorkItem[], signal?: AbortSignal): Promise<number> {
  let resumed = 0
  await concurrently(items, INTENTS_AT_ONCE, async (item) => {
    try {
      const intent = JSON.parse(item.payload) as { readonly id: string; readonly until?: number }
      // Its write may still be under way: to cross it out now would lose it when that process dies later.
      if ((intent.until ?? 0) + INTENT_GRACE_MS > deps.clock.now()) return await postpone(deps, item)
      // Marks of its own: one that an earlier look has placed too soon may count as folded into the row already.
      const id = `${intent.id}~${deps.entropy.id()}`
      await deps.resume({ ...item, payload: JSON.stringify({ ...intent, id }) }, signal)
      resumed += 1
    } catch (error) {
      signal?.throwIfAborted()
      emit({ type: 'fault', where: 'carrying through a change that a process left unfinished', error })
      await postpone(deps, item)
    }
  })
  return resumed
}

async function postpone({ store, clock }: SweepDeps, item: WorkItem): Promise<void> {
  await store.workIndex.put([{ ...item, at: clock.now() }])
  await store.workIndex.remove([item])
}

/** Sends the requests again whose entries are still stale; the other items have done their duty. */
async function requestAgain(deps: SweepDeps, items: readonly WorkItem[], signal?: AbortSignal): Promise<number> {
  const { store, queue, clock } = deps
  const call = signal ? { signal } : {}
  const now = clock.now()
  const keys = [...new Set(items.map((item) => item.id))]
  const entries = await store.entries.getMany(keys, { ...call, consistency: 'latest' })
  const verdicts = new Map(entries.map((entry) => [entry.key, judgeRefresh(entry, deps.registry, now)]))
  const keysThat = (verdict: string) => keys.filter((key) => verdicts.get(key) === verdict)

  const lost = keysThat('lost')
  const known = new Map(entries.map((entry) => [entry.key, entry]))
  for (const [lane, ofLane] of Map.groupBy(lost, (key) => laneOf(deps, key, known.get(key)))) {
    await queue.send(
      lane,
      ofLane.map((key) => ({ key, cause: 'retry', at: now })),
      call,
    )
    for (const key of ofLane) emit({ type: 'queue', action: 'sent', key, lane, cause: 'retry' })
  }
  const owed = [...lost, ...keysThat('waiting')]
  if (owed.length > 0) {
    await store.workIndex.put(
      owed.map((id) => nextLook(id, items, now)),
      call,
    )
  }
  await store.workIndex.remove(items, call)
  const rows = entries.flatMap((entry) => (entry.row && entry.row.retired.length > 0 ? [entry.row] : []))
  await concurrently(rows, TIDY_AT_ONCE, (row) => tidy({ entries: store.entries, clock, entropy: deps.entropy }, row))
  return lost.length
}

/** Where it is worth waiting by now: it has been stale for a while. */
function laneOf({ registry, clock }: SweepDeps, key: string, entry: StoredEntry | undefined): Lane {
  const now = clock.now()
  const request = { cause: 'retry', at: now }
  return (entry && choose(candidateOf(registry.parseKey(key), entry, request, now), now).lane) ?? 'normal'
}

/** Each look waits twice as long as the one before: a queue that is merely long must not grow by being looked at. */
function nextLook(id: string, items: readonly WorkItem[], now: number): WorkItem {
  const looks = Math.max(...items.filter((item) => item.id === id).map((item) => Number(item.payload)))
  const waitMs = Math.min(LONGEST_WAIT_MS, MINUTE_MS * 2 ** looks)
  return { kind: 'refresh', id, at: now - MINUTE_MS + waitMs, payload: String(looks + 1) }
}

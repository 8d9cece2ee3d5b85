import type { StoredEntry } from '../entry/entry.ts'
import { freshness } from '../entry/freshness.ts'
import { KckError } from '../errors.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey } from '../primer/registry.ts'
import { isIdle } from '../refresh/candidate.ts'
import { type Asking, askFor, type Wanted } from './ask.ts'
import type { ProcessDeps } from './deps.ts'
import { domainKeys } from './domain.ts'
import { resting } from './owed-refresh.ts'
import { changeRegister } from './register.ts'
import { lastDue } from './schedule.ts'
import { jobName } from './scheduled-jobs.ts'
import type { Job } from './turn.ts'

export const PAGE = 200
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** What the primers' `every`, `cron` and `over` ask for. */
export function warmJobs(deps: ProcessDeps): readonly Job[] {
  return [...deps.kck.registry.primers.values()].flatMap((primer) => {
    const { schedule } = primer
    if (schedule === null) return []
    return [schedule.everyMs === null && schedule.cron === null ? fillJob(deps, primer) : refreshJob(deps, primer)]
  })
}

/** Refreshes at every due time what is older than that, and primes what is missing. */
function refreshJob(deps: ProcessDeps, primer: AnyPrimer): Job {
  const due = primer.schedule ?? { everyMs: null, cron: null, timeZone: null }
  return {
    name: jobName(primer),
    due,
    overlap: 'skip',
    run: async ({ due: at, signal }) => {
      const keys = await domainKeys(deps, primer, { maxStaleMs: 0, signal })
      const intervalMs = at - (lastDue(due, at - 1) ?? at)
      // A cron pattern names the moment to be newer than. An interval is about age: what was made lately for another
      // reason may wait for the next one.
      const since = due.everyMs === null ? at : at - due.everyMs / 2
      const lostAfterMs = Math.min(HOUR_MS, Math.max(MINUTE_MS, 3 * intervalMs))
      await askForMany(deps, keys, { at, lostAfterMs, signal }, (entry) =>
        isMissing(entry, primer, deps) ? 'warm-up' : isOlder(entry, since) ? 'schedule' : null,
      )
    },
  }
}

/** `over` without a schedule: primes what is missing whenever the list has changed. Looks at the store only. */
function fillJob(deps: ProcessDeps, primer: AnyPrimer): Job {
  const over = primer.schedule?.over ?? ''
  const register = `domain/${primer.name}`
  return {
    name: register,
    due: { everyMs: MINUTE_MS, cron: null, timeZone: null },
    overlap: 'skip',
    quiet: true,
    run: async ({ due, signal }) => {
      const { row } = await deps.store.entries.get(over, { signal })
      const version = row?.value?.version ?? null
      const filled = await deps.store.registers.get(register, { signal })
      if (version === null || filled?.text === JSON.stringify(version)) return
      await fill(deps, primer, { at: due, lostAfterMs: 10 * MINUTE_MS, signal })
      await changeRegister(deps, register, () => version, { signal })
    },
  }
}

async function fill(deps: ProcessDeps, primer: AnyPrimer, asking: Asking): Promise<void> {
  const { signal } = asking
  try {
    const keys = await domainKeys(deps, primer, { maxStaleMs: Number.POSITIVE_INFINITY, onlyIfCached: true, signal })
    await askForMany(deps, keys, asking, (entry) => (isMissing(entry, primer, deps) ? 'warm-up' : null))
  } catch (error) {
    // Expired just now: nobody has a list to fill.
    if (!(error instanceof KckError && error.code === 'ONLY_IF_CACHED')) throw error
  }
}

/** Reads entries a page at a time and asks for those that `why` gives a cause for. Returns how many. */
export async function askForMany(
  deps: ProcessDeps,
  keys: readonly ProductKey[],
  asking: Asking,
  why: (entry: StoredEntry) => Wanted['cause'] | null,
): Promise<number> {
  let asked = 0
  for (let from = 0; from < keys.length; from += PAGE) {
    asking.signal.throwIfAborted()
    const page = keys.slice(from, from + PAGE)
    const entries = await deps.store.entries.getMany(
      page.map((key) => key.text),
      { consistency: 'latest', signal: asking.signal },
    )
    const wanted = page.flatMap((product, index): Wanted[] => {
      const entry = entries[index]
      const cause = entry && isWanted(deps, product, entry) ? why(entry) : null
      return entry && cause ? [{ product, entry, cause }] : []
    })
    asked += await askFor(deps, wanted, asking)
  }
  return asked
}

/** Not what somebody computes just now, what failed and rests, or what nobody reads. */
function isWanted({ clock }: ProcessDeps, { primer }: ProductKey, entry: StoredEntry): boolean {
  const { row } = entry
  const now = clock.now()
  if (!row) return true
  if (row.lease && now < row.lease.until) return false
  if (row.failure && resting(row.failure, entry, primer.revision, now)) return false
  return !isIdle(primer, row, now)
}

export function isMissing(entry: StoredEntry, primer: AnyPrimer, { clock }: ProcessDeps): boolean {
  return freshness(entry, primer.revision, clock.now()).state === 'missing'
}

function isOlder(entry: StoredEntry, since: number): boolean {
  return (entry.row?.value?.asOf ?? since) < since
}

import { Cron } from 'croner'
import type { Schedule } from '../primer/definition.ts'

/** When something is due: every so many milliseconds, or as a cron pattern says in a time zone. */
export type Due = Pick<Schedule, 'everyMs' | 'cron' | 'timeZone'>

/**
 * The newest time at or before `now` at which it was due; null: there was none. The same in every process: intervals
 * are counted from 1970, and a cron pattern has no state. A clock that skips 02:30 makes 02:30 due at 03:00; one that
 * shows it twice makes it due once, but a pattern for every hour is due in both hours. All times in milliseconds.
 */
export function lastDue(due: Due, now: number): number | null {
  if (due.everyMs !== null) return Math.floor(now / due.everyMs) * due.everyMs
  // Croner's "previous" leaves out the reference itself.
  return (
    cronOf(due)
      ?.previousRuns(1, new Date(now + 1))[0]
      ?.getTime() ?? null
  )
}

/** The first time after `now` at which it will be due; null: never. */
export function nextDue(due: Due, now: number): number | null {
  if (due.everyMs !== null) return (Math.floor(now / due.everyMs) + 1) * due.everyMs
  return cronOf(due)?.nextRun(new Date(now))?.getTime() ?? null
}

const crons = new Map<string, Cron>()

function cronOf({ cron, timeZone }: Due): Cron | null {
  if (cron === null) return null
  const name = `${timeZone ?? 'UTC'} ${cron}`
  const known = crons.get(name) ?? new Cron(cron, { paused: true, timezone: timeZone ?? 'UTC' })
  crons.set(name, known)
  return known
}

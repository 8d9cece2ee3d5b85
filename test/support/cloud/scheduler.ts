import { Cron } from 'croner'

/** A schedule as EventBridge has it: `rate(5 minutes)`, `cron(0 3 * * ? *)` or `at(2026-11-21T04:00:00)`. */
export interface ScheduleSettings {
  readonly name: string
  readonly expression: string
  /** IANA name. */
  readonly timeZone: string
  readonly fire: () => Promise<void>
}

export interface Scheduler {
  readonly names: readonly string[]
  /** Fires what was due in the time since the last call; resolves when all of it has been handled. How many fired. */
  advance(to: number): Promise<number>
  /** Fires one now. */
  fire(name: string): Promise<void>
}

/** Its time is what `advance` says. A schedule counts from the time at which it was made. */
export function createScheduler(schedules: readonly ScheduleSettings[], from: number): Scheduler {
  let now = from
  return {
    names: schedules.map(({ name }) => name),
    async advance(to) {
      const due = schedules.flatMap((schedule) =>
        Array.from({ length: timesBetween(schedule, { from, now, to }) }, () => schedule),
      )
      now = to
      for (const { fire } of due) await fire()
      return due.length
    },
    async fire(name) {
      const schedule = schedules.find((each) => each.name === name)
      if (!schedule)
        throw new Error(`There is no schedule ${name}; there are ${schedules.map((each) => each.name).join(', ')}`)
      await schedule.fire()
    },
  }
}

interface Span {
  /** When the schedule was made. */
  readonly from: number
  /** Excluded. */
  readonly now: number
  /** Included. */
  readonly to: number
}

const UNITS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

function timesBetween({ expression, timeZone }: ScheduleSettings, { from, now, to }: Span): number {
  const [, kind, argument = ''] = /^(rate|cron|at)\((.*)\)$/.exec(expression) ?? []
  if (kind === 'rate') {
    const [count, unit = ''] = argument.split(' ')
    const every = Number(count) * (UNITS[unit.replace(/s$/, '')] ?? Number.NaN)
    return Math.floor((to - from) / every) - Math.floor((now - from) / every)
  }
  if (kind === 'at') {
    const at = Date.parse(`${argument}Z`)
    return at > now && at <= to ? 1 : 0
  }
  if (kind !== 'cron') throw new Error(`Not an expression of EventBridge: ${expression}`)
  const cron = new Cron(croner(argument), { paused: true, timezone: timeZone })
  let times = 0
  for (let next = cron.nextRun(new Date(now)); next && next.getTime() <= to; next = cron.nextRun(next)) times += 1
  return times
}

/** EventBridge has a year at the end, `?` for any day, and counts the days of a week from Sunday = 1. */
function croner(fields: string): string {
  const [minute, hour, day, month, weekday = '?', year = '*'] = fields.split(/\s+/)
  if (year !== '*') throw new Error(`A year in a schedule: ${fields}`)
  const days = weekday.replaceAll(/\d+(?!#)/g, (number) => String(Number(number) - 1))
  return [minute, hour, day, month, days].map((field) => (field === '?' ? '*' : field)).join(' ')
}

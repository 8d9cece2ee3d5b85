/** When something is due, as `src/process/schedule.ts` has it. */
export interface Due {
  readonly everyMs: number | null
  readonly cron: string | null
  readonly timeZone: string | null
}

const MINUTE_MS = 60_000
const HOUR_MINUTES = 60
const DAY_MINUTES = 1_440

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/**
 * The expressions of EventBridge Scheduler that name the same times, in the due's time zone (default UTC). None where it
 * has no words for them: an interval that does not divide a day, seconds, the last Friday. The tick of every minute
 * does those too, since the worker itself knows what is due.
 */
export function scheduleExpressions({ everyMs, cron }: Due): readonly string[] {
  if (everyMs !== null) return ofInterval(everyMs / MINUTE_MS)
  return cron === null ? [] : ofPattern(NICKNAMES[cron.trim().toLowerCase()] ?? cron.trim())
}

/** Counted from 1970, like the worker's: at the full hour, at midnight UTC. */
function ofInterval(minutes: number): readonly string[] {
  const hours = minutes / HOUR_MINUTES
  if (minutes === 1) return ['cron(* * * * ? *)']
  if (isDivisor(minutes, HOUR_MINUTES)) return [`cron(${steps(minutes, HOUR_MINUTES)} * * * ? *)`]
  if (isDivisor(hours, DAY_MINUTES / HOUR_MINUTES)) return [`cron(0 ${steps(hours, 24)} * * ? *)`]
  return []
}

const isDivisor = (part: number, whole: number) => Number.isInteger(part) && part >= 1 && whole % part === 0
const steps = (step: number, limit: number) => (step === limit ? '0' : `0/${step}`)

function ofPattern(pattern: string): readonly string[] {
  const fields = pattern.split(/\s+/)
  if (fields.length === 6 && fields[0] === '0') fields.shift()
  if (fields.length !== 5) return []
  const [minute, hour, month] = [
    expand(fields[0], { from: 0, to: 59 }),
    expand(fields[1], { from: 0, to: 23 }),
    expand(fields[3], { from: 1, to: 12, names: MONTHS }),
  ]
  const date = expand(fields[2], { from: 1, to: 31 })
  const day = expand(fields[4], { from: 0, to: 7, names: DAYS })
  if (minute === null || hour === null || month === null || date === null || day === null) return []
  const weekdays = day === '*' ? '*' : [...new Set(day.split(',').map((number) => DAYS[Number(number) % 7]))].join(',')
  const at = (dates: string, days: string) => `cron(${minute} ${hour} ${dates} ${month} ${days} *)`
  if (weekdays === '*') return [at(date, '?')]
  // Where both are named, either will do.
  return date === '*' ? [at('?', weekdays)] : [at(date, '?'), at('?', weekdays)]
}

interface Range {
  readonly from: number
  readonly to: number
  readonly names?: readonly string[]
}

/** A field as a list of numbers, or `*`; null where it says more than lists, ranges and steps. */
function expand(field: string | undefined, range: Range): string | null {
  if (field === '*') return field
  const parts = (field ?? '').split(',').map((part) => numbersOf(part, range))
  if (parts.includes(null)) return null
  return [...new Set(parts.flatMap((numbers) => numbers ?? []))].sort((a, b) => a - b).join(',')
}

/** The numbers of `3`, `MON`, `1-5`, `0-59/10` or `5/10`; null for anything else. */
function numbersOf(part: string, range: Range): readonly number[] | null {
  const [, first = '', last, every] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part) ?? []
  const start = first === '*' ? range.from : numberOf(first, range)
  const isOpen = first === '*' || every !== undefined
  const end = last === undefined ? (isOpen ? range.to : start) : numberOf(last, range)
  const step = Number(every ?? 1)
  if (!(start >= range.from && start <= end && end <= range.to && step >= 1)) return null
  return Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step)
}

function numberOf(text: string, { from, names = [] }: Range): number {
  const named = names.indexOf(text.toUpperCase())
  if (named >= 0) return named + from
  return /^\d+$/.test(text) ? Number(text) : Number.NaN
}

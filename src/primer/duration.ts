/**
 * A length of time: text with a unit (`500ms`, `90s`, `5m`, `12h`, `1d`, `2w`, also `1h30m`), a number of milliseconds,
 * or its parts. Exact to the millisecond, more than 0, at most 100 years.
 */
export type Duration =
  | string
  | number
  | {
      readonly weeks?: number
      readonly days?: number
      readonly hours?: number
      readonly minutes?: number
      readonly seconds?: number
      readonly milliseconds?: number
    }

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const PARTS: Readonly<Record<string, number>> = {
  milliseconds: 1,
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
}
const MAX_MS = 36_525 * 86_400_000

const FORM = 'write a time such as "90s", "5m", "12h" or "1d", or a number of milliseconds'

/** Milliseconds, or the end of a sentence that says why not. */
export function parseDuration(value: unknown): number | string {
  const ms = milliseconds(value)
  if (ms === null) return `is no length of time: ${FORM}`
  if (!(ms > 0)) return 'must be more than 0'
  if (!Number.isFinite(ms) || ms > MAX_MS) return 'must be at most 100 years; leave it out for "no limit"'
  // 1.1 s are 1100.0000000000002 ms in doubles, so parts are rounded when that is all there is to round.
  const whole = Math.round(ms)
  return Math.abs(whole - ms) < 1e-6 ? whole : 'must be a whole number of milliseconds'
}

function milliseconds(value: unknown): number | null {
  if (typeof value === 'number') return value
  if (typeof value === 'string') return ofText(value)
  if (typeof value !== 'object' || value === null) return null
  const parts = Object.entries(value)
  if (parts.length === 0 || parts.some(([unit, count]) => !Object.hasOwn(PARTS, unit) || typeof count !== 'number')) {
    return null
  }
  return parts.reduce((sum, [unit, count]) => sum + (PARTS[unit] ?? 0) * count, 0)
}

function ofText(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(text)) return null
  let sum = 0
  for (const [, count, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d|w)/g)) {
    sum += Number(count) * (UNITS[unit ?? ''] ?? 0)
  }
  return sum
}

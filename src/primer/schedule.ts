import { Cron } from 'croner'
import type { Schedule } from './definition.ts'
import type { OptionReader } from './option-reader.ts'

/** The options `every`, `cron`, `timeZone` and `over`, checked; null when none of them is given. */
export function readSchedule(options: OptionReader): Schedule | null {
  const everyMs = options.milliseconds('every')
  const cron = options.text('cron')
  const timeZone = options.text('timeZone')
  const over = options.text('over')
  if (everyMs !== null && cron !== null) throw options.error('has both every and cron: keep one')
  if (timeZone !== null && cron === null) throw options.error('timeZone belongs to cron')
  if (timeZone !== null && !isTimeZone(timeZone)) {
    throw options.error(`timeZone "${timeZone}" is not known: write an IANA name such as Europe/Berlin`)
  }
  if (cron !== null) checkCron(options, cron)
  return everyMs === null && cron === null && over === null ? null : { everyMs, cron, timeZone, over }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function checkCron(options: OptionReader, pattern: string): void {
  try {
    new Cron(pattern, { paused: true })
  } catch (error) {
    throw options.error(`cron "${pattern}" cannot be read: ${(error as Error).message}`, error)
  }
}

import { describe, expect, test } from 'vitest'
import { type Due, lastDue, nextDue } from '../../../src/process/schedule.ts'

const cron = (pattern: string, timeZone: string | null = null): Due => ({ everyMs: null, cron: pattern, timeZone })
const every = (everyMs: number): Due => ({ everyMs, cron: null, timeZone: null })
const at = (text: string) => Date.parse(text)
const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString().replace('.000Z', 'Z'))

function between(due: Due, from: string, to: string): (string | null)[] {
  const times: (string | null)[] = []
  for (let now: number | null = at(from); ; ) {
    now = nextDue(due, now)
    if (now === null || now > at(to)) return times
    times.push(iso(now))
  }
}

describe('every', () => {
  test('is counted from 1970, the same for everybody', () => {
    const due = every(300_000)
    expect(iso(lastDue(due, at('2026-01-01T12:04:59.999Z')))).toBe('2026-01-01T12:00:00Z')
    expect(iso(lastDue(due, at('2026-01-01T12:05:00Z')))).toBe('2026-01-01T12:05:00Z')
    expect(iso(nextDue(due, at('2026-01-01T12:05:00Z')))).toBe('2026-01-01T12:10:00Z')
  })
})

describe('cron', () => {
  test('is UTC without a time zone', () => {
    expect(iso(lastDue(cron('0 3 * * *'), at('2026-07-01T02:59:59.999Z')))).toBe('2026-06-30T03:00:00Z')
    expect(iso(lastDue(cron('0 3 * * *'), at('2026-07-01T03:00:00Z')))).toBe('2026-07-01T03:00:00Z')
  })

  test('knows a time zone and its summer', () => {
    expect(between(cron('0 3 * * *', 'Europe/Berlin'), '2026-03-27T00:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-27T02:00:00Z',
      '2026-03-28T02:00:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-30T01:00:00Z',
    ])
  })

  test('runs once on the day that has no such time', () => {
    const due = cron('30 2 * * *', 'Europe/Berlin')
    expect(between(due, '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ])
  })

  test('runs once on the day that has such a time twice, but hourly patterns in both hours', () => {
    const daily = between(cron('30 2 * * *', 'Europe/Berlin'), '2026-10-24T22:00:00Z', '2026-10-25T22:00:00Z')
    expect(daily).toEqual(['2026-10-25T00:30:00Z'])
    const hourly = between(cron('30 * * * *', 'Europe/Berlin'), '2026-10-24T23:00:00Z', '2026-10-25T02:00:00Z')
    expect(hourly).toEqual(['2026-10-24T23:30:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'])
  })

  const patterns = ['30 2 * * *', '*/20 * * * *', '15 1-3 * * *', '0 12 L * *']
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata']
  test.each(zones)('and what was due before agrees with what is due next, at every change of clocks in %s', (zone) => {
    const days = ['2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31']
    for (const due of patterns.map((pattern) => cron(pattern, zone))) {
      const midnights = days.flatMap((day) => [at(day), at(day) + 86_400_000, at(day) + 2 * 86_400_000])
      for (const time of midnights.map((midnight) => nextDue(due, midnight) ?? 0)) {
        expect(lastDue(due, time)).toBe(time)
        expect(lastDue(due, time - 1)).toBeLessThan(time)
        expect(lastDue(due, (nextDue(due, time) ?? 0) - 1)).toBe(time)
      }
    }
  })

  test('may never have been due, and may never be', () => {
    const due = cron('0 0 31 2 *')
    expect([lastDue(due, at('2026-01-01')), nextDue(due, at('2026-01-01'))]).toEqual([null, null])
  })
})

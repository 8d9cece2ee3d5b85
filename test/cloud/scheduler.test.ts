import { expect, test } from 'vitest'
import { createScheduler } from '../support/cloud/scheduler.ts'

const start = Date.parse('2026-11-20T23:59:30Z')
const MINUTE = 60_000

/** How often an expression fires in the minutes after `start`, one call of `advance` for each number. */
async function fired(expression: string, minutes: readonly number[], timeZone = 'UTC'): Promise<number[]> {
  const scheduler = createScheduler([{ name: 'it', expression, timeZone, fire: async () => {} }], start)
  const counts: number[] = []
  for (const each of minutes) counts.push(await scheduler.advance(start + each * MINUTE))
  return counts
}

test('a rate counts from when the schedule was made', async () => {
  expect(await fired('rate(5 minutes)', [4, 5, 9, 10, 30])).toEqual([0, 1, 0, 1, 4])
  expect(await fired('rate(1 hour)', [59, 60])).toEqual([0, 1])
})

test('a cron expression fires at its times, in its time zone', async () => {
  expect(await fired('cron(* * * * ? *)', [0, 0.5, 1, 3])).toEqual([0, 1, 0, 2])
  expect(await fired('cron(0 1 * * ? *)', [60, 61], 'Europe/Berlin')).toEqual([1, 0])
  expect(await fired('cron(0 0 ? * SAT *)', [1, 7 * 1440, 7 * 1440 + 1])).toEqual([1, 0, 1])
  expect(await fired('cron(0 0 ? * 7 *)', [1, 1440])).toEqual([1, 0])
})

test('a time fires once', async () => {
  expect(await fired('at(2026-11-21T00:00:00)', [0.4, 0.5, 1])).toEqual([0, 1, 0])
})

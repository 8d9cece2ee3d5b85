import { describe, expect, it } from 'vitest'
import { scheduleExpressions } from '../../infra/schedule-expressions.ts'

const minutes = (count: number) => ({ everyMs: count * 60_000, cron: null, timeZone: null })
const pattern = (cron: string) => ({ everyMs: null, cron, timeZone: null })

describe('an interval', () => {
  it.each([
    [1, 'cron(* * * * ? *)'],
    [5, 'cron(0/5 * * * ? *)'],
    [30, 'cron(0/30 * * * ? *)'],
    [60, 'cron(0 * * * ? *)'],
    [120, 'cron(0 0/2 * * ? *)'],
    [720, 'cron(0 0/12 * * ? *)'],
    [1440, 'cron(0 0 * * ? *)'],
  ])('of %d minutes is counted as the worker counts it', (count, expression) => {
    expect(scheduleExpressions(minutes(count))).toEqual([expression])
  })

  it.each([7, 45, 90, 300, 2880, 10_080, 0.5])('of %d minutes is left to the tick of every minute', (count) => {
    expect(scheduleExpressions(minutes(count))).toEqual([])
  })
})

describe('a pattern', () => {
  it.each([
    ['0 3 * * *', ['cron(0 3 * * ? *)']],
    ['*/20 * * * *', ['cron(0,20,40 * * * ? *)']],
    ['5/25 8-10 * * *', ['cron(5,30,55 8,9,10 * * ? *)']],
    ['0 6 * * 1-5', ['cron(0 6 ? * MON,TUE,WED,THU,FRI *)']],
    ['0 6 * * 0,7', ['cron(0 6 ? * SUN *)']],
    ['0 6 * * fri-sat', ['cron(0 6 ? * FRI,SAT *)']],
    ['0 0 1 JAN-MAR/2 *', ['cron(0 0 1 1,3 ? *)']],
    ['0 0 12 * * *', ['cron(0 12 * * ? *)']],
    ['@daily', ['cron(0 0 * * ? *)']],
    // The thirteenth, and Fridays.
    ['0 0 13 * 5', ['cron(0 0 13 * ? *)', 'cron(0 0 ? * FRI *)']],
  ])('%s is said in the words of EventBridge', (cron, expressions) => {
    expect(scheduleExpressions(pattern(cron))).toEqual(expressions)
  })

  it.each(['*/10 * * * * *', '0 0 L * *', '0 0 * * 5#1', '0 0 15W * *', '0 0 ? * 1', '0 0 0 1 1 * 2030'])(
    '%s is left to the tick of every minute',
    (cron) => {
      expect(scheduleExpressions(pattern(cron))).toEqual([])
    },
  )

  it('that is nothing gives nothing', () => {
    expect(scheduleExpressions({ everyMs: null, cron: null, timeZone: null })).toEqual([])
  })
})

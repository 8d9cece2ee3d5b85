import { describe, expect, it } from 'vitest'
import { parseDuration } from '../../../src/primer/duration.ts'

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1.1s', 1100],
    ['0.001s', 1],
    ['1d', 86_400_000],
    ['90000s', 90_000_000],
    ['1d1h', 90_000_000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    [250, 250],
    [{ days: 1, hours: 1 }, 90_000_000],
    [{ weeks: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 604_861_001],
  ])('%j is %d ms: no unit is lost', (value, ms) => {
    expect(parseDuration(value)).toBe(ms)
  })

  it.each([
    [0, 'more than 0'],
    ['0s', 'more than 0'],
    [-5, 'more than 0'],
    [Number.NaN, 'more than 0'],
    [Number.POSITIVE_INFINITY, 'at most 100 years'],
    ['36526d', 'at most 100 years'],
    [0.5, 'whole number'],
    ['0.5ms', 'whole number'],
    ['-5s', 'no length of time'],
    ['5', 'no length of time'],
    ['5 m', 'no length of time'],
    ['5min', 'no length of time'],
    ['1e3s', 'no length of time'],
    ['', 'no length of time'],
    [null, 'no length of time'],
    [[], 'no length of time'],
    [{}, 'no length of time'],
    [{ day: 1 }, 'no length of time'],
    [{ days: '1' }, 'no length of time'],
    [true, 'no length of time'],
  ])('refuses %j', (value, why) => {
    expect(parseDuration(value)).toContain(why)
  })
})

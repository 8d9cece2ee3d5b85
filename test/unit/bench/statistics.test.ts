import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interleave, median, medianRatio, percentile } from '../../../bench/support/statistics.ts'

const numbers = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 })

describe('median', () => {
  test('is the middle value, or the mean of the two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([7])).toBe(7)
  })

  test('of nothing is not a number', () => {
    expect(median([])).toBeNaN()
  })

  test('has as many values on either side, and leaves its input alone', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const before = [...values]
        const middle = median(values)
        expect(values).toEqual(before)
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2)
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2)
      }),
    )
  })
})

describe('percentile', () => {
  test('is the smallest value that the share does not exceed', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(percentile(values, 0.5)).toBe(50)
    expect(percentile(values, 0.99)).toBe(99)
    expect(percentile(values, 1)).toBe(100)
    expect(percentile(values, 0)).toBe(1)
    expect(percentile([], 0.5)).toBeNaN()
  })

  test('is one of the values and grows with the share', () => {
    fc.assert(
      fc.property(
        numbers,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, a, b) => {
          const [low, high] = [percentile(values, Math.min(a, b)), percentile(values, Math.max(a, b))]
          expect(values).toContain(low)
          expect(low).toBeLessThanOrEqual(high)
        },
      ),
    )
  })
})

describe('medianRatio', () => {
  test('compares what happened in the same round', () => {
    // The machine was ten times slower in the second round: the ratio of the medians would say 1.
    expect(medianRatio([200, 20, 300], [100, 10, 150])).toBe(2)
  })

  test('leaves out rounds that have no yardstick', () => {
    expect(medianRatio([10, 20], [5])).toBe(2)
    expect(medianRatio([10, 20], [0, 10])).toBe(2)
    expect(medianRatio([10], [])).toBeNaN()
  })
})

describe('interleave', () => {
  test('has every system once in each round and moves the first one on', () => {
    expect(interleave(['a', 'b', 'c'], 4).join('')).toBe('abcbcacababc')
    expect(interleave([], 3)).toEqual([])
  })
})

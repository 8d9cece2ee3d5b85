import { describe, expect, test } from 'vitest'
import { formatCell, formatRatio, formatTable } from '../../../bench/support/table.ts'

describe('formatCell', () => {
  test.each([
    [0.012345, '0.0123'],
    [7.456, '7.46'],
    [99.94, '99.9'],
    [123.4, '123'],
    [31_633, '31,633'],
    [0, '0'],
    ['text', 'text'],
    [null, '-'],
    [Number.NaN, '-'],
  ])('%s is shown as %s', (cell, text) => {
    expect(formatCell(cell)).toBe(text)
  })
})

describe('formatRatio', () => {
  test.each([
    [0.823, '82%'],
    [1, '100%'],
    [12.44, '12.4x'],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
  ])('%s is shown as %s', (ratio, text) => {
    expect(formatRatio(ratio)).toBe(text)
  })
})

test('a table is Markdown, with figures to the right and missing ones as a dash', () => {
  const table = formatTable({
    title: 'Requests per second',
    columns: ['system', '1', '64'],
    rows: [
      ['bare', 25_104, 31_633],
      ['original', 476],
    ],
  })
  expect(table).toBe(`**Requests per second**

| system   |      1 |     64 |
|----------|-------:|-------:|
| bare     | 25,104 | 31,633 |
| original |    476 |      - |`)
})

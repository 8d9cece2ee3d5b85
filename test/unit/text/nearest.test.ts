import { expect, it } from 'vitest'
import { didYouMean, nearest } from '../../../src/text/nearest.ts'

const known = ['softTtl', 'hardTtl', 'source', 'every', 'over']

it.each([
  ['softTtll', 'softTtl'],
  ['softttl', 'softTtl'],
  ['sotfTtl', 'softTtl'],
  ['ever', 'every'],
  ['sources', 'source'],
  ['banana', null],
  ['', null],
])('%s is near %s', (name, expected) => {
  expect(nearest(name, known)).toBe(expected)
})

it('says nothing when nothing is near', () => {
  expect(didYouMean('softTttl', known)).toBe(' (did you mean "softTtl"?)')
  expect(didYouMean('zzz', known)).toBe('')
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { billOf, tables, totalOf, usual } from '../../../scripts/cost.ts'

const bill = (over: object = {}) => billOf({ ...usual, fetches: 1e8, ...over })

describe('the cost model', () => {
  it('is what docs/cost.md shows', () => {
    const page = readFileSync(new URL('../../../docs/cost.md', import.meta.url), 'utf8')
    expect(page).toContain(tables())
  })

  it('bills the API by tiers: 300 M requests at one price, what is beyond at the next', () => {
    expect(bill({ fetches: 300e6 }).API).toBeCloseTo(300, 6)
    expect(bill({ fetches: 400e6 }).API).toBeCloseTo(390, 6)
  })

  it('bills a read of 4 KB as half a unit, and none that the near cache answers', () => {
    const reads = (over: object) => bill({ computes: 0, storedGb: 0, ...over }).Keyspaces
    expect(reads({})).toBeCloseTo(100e6 * 0.5 * 0.125e-6, 6)
    expect(reads({ bodyKb: 5 })).toBeCloseTo(2 * reads({}), 6)
    expect(reads({ nearCache: 1 })).toBeCloseTo(0, 6)
  })

  it('makes requests of several keys cheaper, and nothing free', () => {
    expect(totalOf(bill({ keysPerRequest: 10 }))).toBeLessThan(totalOf(bill()) * 0.6)
    for (const part of Object.values(bill())) expect(part).toBeGreaterThan(0)
  })
})

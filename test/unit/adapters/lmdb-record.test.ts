import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seal, unseal } from '../../../src/adapters/lmdb/record.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 40 })
const payload = fc.uint8Array({ maxLength: 200 })

test('a record comes back as it was sealed', () => {
  fc.assert(
    fc.property(key, fc.option(fc.nat()), payload, payload, (place, removeAt, first, second) => {
      const record = unseal(place, seal(place, removeAt, [first, second]))
      expect(record).toEqual({ removeAt, payload: Buffer.concat([first, second]) })
    }),
  )
})

test('no flipped bit and no cut goes unnoticed', () => {
  fc.assert(
    fc.property(key, payload, fc.nat(), fc.nat(7), (place, bytes, at, bit) => {
      const record = seal(place, null, [bytes])
      const flipped = Buffer.from(record)
      const position = at % record.length
      flipped[position] = (flipped[position] ?? 0) ^ (1 << bit)
      expect(unseal(place, flipped)).toBe('damaged')
      expect(unseal(place, record.subarray(0, position))).toBe('damaged')
      const otherPlace = Buffer.from(place)
      otherPlace[at % place.length] = (place[at % place.length] ?? 0) ^ (1 << bit)
      expect(unseal(otherPlace, record)).toBe('damaged')
    }),
    { numRuns: 1000 },
  )
})

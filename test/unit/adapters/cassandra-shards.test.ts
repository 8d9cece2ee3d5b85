import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pageOfShards, shardOf, shardsOf } from '../../../src/adapters/cassandra/shards.ts'

const WIDE = 16

/** Reads all pages; how many reads each cost. */
async function readAll(texts: readonly string[], limit: number, shards: number) {
  const sorted = texts.toSorted()
  const found: string[] = []
  const reads: number[] = []
  let after: string | undefined
  do {
    let count = 0
    const page = await pageOfShards<string>(
      async (shard, from, most) => {
        count++
        return sorted.filter((text) => shardOf(text, shards) === shard && text > from).slice(0, most)
      },
      (text) => text,
      { limit, shards, ...(after === undefined ? {} : { after }) },
    )
    expect(page.items.length).toBeLessThanOrEqual(limit)
    found.push(...page.items)
    reads.push(count)
    after = page.next
  } while (after !== undefined)
  return { found, reads }
}

describe('a page of shards', () => {
  test('holds everything exactly once, whatever its limit', async () => {
    const texts = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4, unit: 'grapheme-ascii' }), { maxLength: 120 })
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 60 }), fc.constantFrom(1, WIDE), async (all, limit, shards) => {
        const { found } = await readAll(all, limit, shards)
        expect(found.toSorted()).toEqual(all.toSorted())
      }),
      { numRuns: 300 },
    )
  })

  test('asks shards that have no more not again', async () => {
    const { reads } = await readAll(['a', 'b', 'c'], 500, WIDE)
    expect(reads).toEqual([WIDE])
  })
})

test('what few read has one shard, what everything of a kind hangs below has many', () => {
  const few = ['product/a/1', 'table/shop/orders?customer_id=42', 'table/shop/orders?a=%7B&b=1']
  const many = ['primer/a', 'tag/a', 'tag/a?b=c', 'readers', 'columns/shop/orders', 'table/shop/orders', 'table/shop/*']
  expect(few.map(shardsOf)).toEqual(few.map(() => 1))
  expect([...many, 'table/shop/orders?{customer_id}'].map(shardsOf)).toEqual([...many, ''].map(() => WIDE))
})

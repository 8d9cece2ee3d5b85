import { expect } from 'vitest'
import type { Lineage } from '../../src/ports/lineage.ts'
import { type StoreFactory, type StoreHarness, type SuiteOptions, suite, unique } from './suite.ts'

/** What every `Lineage` must do. */
export function lineageConformance(name: string, factory: StoreFactory, options: SuiteOptions = {}): void {
  suite<StoreHarness>({ name: `Lineage: ${name}`, factory, options }, (check) => {
    check('a node that nobody read has no dependents', async ({ store: { lineage } }) => {
      expect(await lineage.dependents(unique('product/none'), { limit: 10 })).toEqual({ keys: [] })
    })

    check('edges are added once and removed', async ({ store: { lineage } }) => {
      const [node, other] = [unique('product/a'), unique('table/shop.public.orders?customer_id=7')]
      await lineage.addEdges('one', [node, other])
      await lineage.addEdges('one', [node, other])
      await lineage.addEdges('two', [node])
      await lineage.addEdges('three', [])
      expect(await all(lineage, node, 10)).toEqual(['one', 'two'])
      expect(await all(lineage, other, 10)).toEqual(['one'])
      await lineage.removeEdges('one', [node])
      await lineage.removeEdges('one', [node, unique('product/never')])
      expect(await all(lineage, node, 10)).toEqual(['two'])
      expect(await all(lineage, other, 10)).toEqual(['one'])
    })

    for (const kind of ['tag', 'product']) {
      check(`5,000 dependents of a ${kind} are paged, each exactly once`, async ({ store: { lineage } }) => {
        const node = unique(`${kind}/wide`)
        const keys = Array.from({ length: 5000 }, (_, index) => `report/${String(index).padStart(4, '0')}`)
        for (let from = 0; from < keys.length; from += 50) {
          await Promise.all(keys.slice(from, from + 50).map((key) => lineage.addEdges(key, [node])))
        }
        expect(await all(lineage, node, 97)).toEqual(keys)
        expect(await all(lineage, node, 10_000)).toEqual(keys)
      })
    }

    check('a page never holds more than its limit', async ({ store: { lineage } }) => {
      const node = unique('tag/limit')
      for (const key of ['a', 'b', 'c', 'd', 'e']) await lineage.addEdges(key, [node])
      const sizes: number[] = []
      const seen: string[] = []
      let after: string | undefined
      do {
        const page = await lineage.dependents(node, after === undefined ? { limit: 2 } : { limit: 2, after })
        sizes.push(page.keys.length)
        seen.push(...page.keys)
        after = page.next
      } while (after !== undefined)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2)
      expect(seen.sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
    })

    check('nodes and keys may hold any characters and be long', async ({ store: { lineage } }) => {
      const base = unique('n')
      const names = [
        '',
        '/',
        '//',
        '%2F',
        '?a=b&c=d',
        "';--",
        '\u00e9',
        'e\u0301',
        '日本語',
        '🙂',
        ':',
        '*',
        ' ',
        '.',
      ].map((tail) => base + tail)
      names.push(`${base}/${'x'.repeat(1100)}`, `${base}/${'x'.repeat(1099)}y`, `${base}${'/long'.repeat(600)}`)
      for (const node of names) await lineage.addEdges(`reader-of/${node}`.slice(0, 1100), [node])
      for (const node of names) expect(await all(lineage, node, 10)).toEqual([`reader-of/${node}`.slice(0, 1100)])
      const keys = names.map((name) => name.slice(0, 1100))
      const node = unique('tag/names')
      for (const key of new Set(keys)) await lineage.addEdges(key, [node])
      expect(await all(lineage, node, 3)).toEqual([...new Set(keys)].sort())
    })

    check('changes during paging disturb no other key', async ({ store: { lineage } }) => {
      const node = unique('tag/moving')
      const keys = Array.from({ length: 100 }, (_, index) => `steady/${String(index).padStart(3, '0')}`)
      await Promise.all(keys.map((key) => lineage.addEdges(key, [node])))
      await lineage.addEdges('removed/early', [node])
      const seen: string[] = []
      let after: string | undefined
      for (let turn = 0; turn === 0 || after !== undefined; turn++) {
        const page = await lineage.dependents(node, after === undefined ? { limit: 7 } : { limit: 7, after })
        seen.push(...page.keys)
        await lineage.addEdges('steady/050', [node])
        await lineage.addEdges(`added/${turn % 20}`, [node])
        await lineage.removeEdges('removed/early', [node])
        after = page.next
      }
      expect(seen.filter((key) => key.startsWith('steady/')).sort()).toEqual(keys)
      expect(new Set(seen).size).toBe(seen.length)
    })

    check('an edge added by one client is seen by another', async (harness) => {
      const node = unique('product/seen')
      const other = ((await harness.another?.()) ?? harness.store).lineage
      for (let turn = 0; turn < 10; turn++) {
        await harness.store.lineage.addEdges(`key/${turn}`, [node])
        expect(await all(other, node, 100)).toHaveLength(turn + 1)
      }
    })

    check('an aborted call throws the reason', async ({ store: { lineage } }) => {
      const node = unique('product/aborted')
      const reason = new Error('nobody waits any more')
      const options = { signal: AbortSignal.abort(reason) }
      await expect(lineage.addEdges('key', [node], options)).rejects.toBe(reason)
      await expect(lineage.removeEdges('key', [node], options)).rejects.toBe(reason)
      await expect(lineage.dependents(node, { limit: 1 }, options)).rejects.toBe(reason)
      expect(await all(lineage, node, 10)).toEqual([])
    })
  })
}

async function all(lineage: Lineage, node: string, limit: number): Promise<string[]> {
  const keys: string[] = []
  let after: string | undefined
  do {
    const page = await lineage.dependents(node, after === undefined ? { limit } : { limit, after })
    keys.push(...page.keys)
    after = page.next
  } while (after !== undefined)
  return keys.sort()
}

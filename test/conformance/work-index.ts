import { expect } from 'vitest'
import type { WorkIndex, WorkItem } from '../../src/ports/work-index.ts'
import { type StoreFactory, type StoreHarness, type SuiteOptions, suite, unique } from './suite.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** What every `WorkIndex` must do. */
export function workIndexConformance(name: string, factory: StoreFactory, options: SuiteOptions = {}): void {
  suite<StoreHarness>({ name: `WorkIndex: ${name}`, factory, options }, (check) => {
    check('a minute without work is empty', async ({ store: { workIndex } }) => {
      expect(await workIndex.list('refresh', freshMinute(), { limit: 10 })).toEqual({ items: [] })
    })

    check('items lie in the minute of their time, by kind', async ({ store: { workIndex } }) => {
      const minute = freshMinute()
      const first = item('refresh', minute)
      const last = item('refresh', minute + MINUTE - 1)
      const later = item('refresh', minute + MINUTE)
      const intent = item('intent', minute, JSON.stringify({ nodes: ['table/shop.public.orders', 'тег', '🙂'] }))
      await workIndex.put([first, last, later, intent])
      await workIndex.put([])
      expect(await all(workIndex, 'refresh', minute)).toEqual(sorted([first, last]))
      expect(await all(workIndex, 'refresh', minute + 30_000)).toEqual(sorted([first, last]))
      expect(await all(workIndex, 'refresh', minute + MINUTE)).toEqual([later])
      expect(await all(workIndex, 'intent', minute + MINUTE - 1)).toEqual([intent])
    })

    check('putting and removing may be repeated', async ({ store: { workIndex } }) => {
      const minute = freshMinute()
      const [kept, gone] = [item('refresh', minute + 1), item('refresh', minute + 2)]
      await workIndex.put([kept, gone])
      await workIndex.put([gone, kept])
      expect(await all(workIndex, 'refresh', minute)).toEqual(sorted([kept, gone]))
      await workIndex.remove([gone])
      await workIndex.remove([gone])
      await workIndex.remove([])
      expect(await all(workIndex, 'refresh', minute)).toEqual([kept])
    })

    check('removing owed work leaves what the same id owes since another time', async ({ store: { workIndex } }) => {
      const minute = freshMinute()
      const before = item('refresh', minute + 1)
      const since = { ...before, at: minute + 2 }
      await workIndex.put([before, since])
      await workIndex.remove([{ kind: 'refresh', id: before.id, at: before.at }])
      expect(await all(workIndex, 'refresh', minute)).toEqual([since])
    })

    check('500 items of a minute are paged, each exactly once', async ({ store: { workIndex } }) => {
      const minute = freshMinute()
      const items = Array.from({ length: 500 }, (_, index) => item('refresh', minute + ((index * 131) % MINUTE)))
      for (let from = 0; from < items.length; from += 50) await workIndex.put(items.slice(from, from + 50))
      expect(await all(workIndex, 'refresh', minute, 33)).toEqual(sorted(items))
      expect(await all(workIndex, 'refresh', minute, 1000)).toEqual(sorted(items))
    })

    check('ids may be long and hold any characters', async ({ store: { workIndex } }) => {
      const minute = freshMinute()
      const items = ['a/b', 'a%2Fb', '', ' ', '日本語', '🙂', 'x'.repeat(1100)].map((tail) => ({
        ...item('refresh', minute),
        id: unique('id') + tail,
      }))
      await workIndex.put(items)
      expect(await all(workIndex, 'refresh', minute, 2)).toEqual(sorted(items))
      await workIndex.remove(items)
      expect(await all(workIndex, 'refresh', minute)).toEqual([])
    })

    check('items stay for a day', async (harness) => {
      const { workIndex } = harness.store
      const at = harness.now?.() ?? Date.now()
      const owed = item('intent', at)
      await workIndex.put([owed])
      await harness.advance?.(1500)
      const found = await all(workIndex, 'intent', at)
      expect(found.filter((each) => each.id === owed.id)).toEqual([owed])
    })

    check('items vanish by themselves after a day', async (harness) => {
      if (!harness.advance) throw new Error('This test needs a harness whose time can be moved: list a deviation')
      const { workIndex } = harness.store
      const minute = freshMinute()
      const owed = item('intent', minute)
      await workIndex.put([owed])
      await harness.advance(DAY - MINUTE)
      expect(await all(workIndex, 'intent', minute)).toEqual([owed])
      await harness.advance(2 * MINUTE)
      expect(await all(workIndex, 'intent', minute)).toEqual([])
    })

    check('an aborted call throws the reason', async ({ store: { workIndex } }) => {
      const minute = freshMinute()
      const reason = new Error('nobody waits any more')
      const options = { signal: AbortSignal.abort(reason) }
      const owed = item('refresh', minute)
      await expect(workIndex.put([owed], options)).rejects.toBe(reason)
      await expect(workIndex.remove([owed], options)).rejects.toBe(reason)
      await expect(workIndex.list('refresh', minute, { limit: 1 }, options)).rejects.toBe(reason)
      expect(await all(workIndex, 'refresh', minute)).toEqual([])
    })
  })
}

let minutes = Math.floor(Math.random() * 3_000_000)
/** The start of a minute that no other test uses; before 2038, where the lifetimes of older formats of Cassandra end. */
function freshMinute(): number {
  minutes += 5
  return Date.UTC(2030, 0, 1) + minutes * MINUTE
}

function item(kind: WorkItem['kind'], at: number, payload = '{}'): WorkItem {
  return { kind, id: unique('work'), at, payload }
}

function sorted(items: readonly WorkItem[]): WorkItem[] {
  return [...items].sort((a, b) => (`${a.id} ${a.at}` < `${b.id} ${b.at}` ? -1 : 1))
}

async function all(index: WorkIndex, kind: WorkItem['kind'], minute: number, limit = 100): Promise<WorkItem[]> {
  const items: WorkItem[] = []
  let after: string | undefined
  do {
    const page = await index.list(kind, minute, after === undefined ? { limit } : { limit, after })
    expect(page.items.length).toBeLessThanOrEqual(limit)
    items.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return sorted(items)
}

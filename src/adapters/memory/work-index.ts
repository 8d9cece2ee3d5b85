import type { Clock } from '../../ports/clock.ts'
import type { WorkIndex, WorkItem } from '../../ports/work-index.ts'
import { SortedMap } from './sorted-map.ts'

const MINUTE = 60_000
const DAY = 86_400_000

export function createMemoryWorkIndex(clock: Clock): WorkIndex {
  const buckets = new Map<string, SortedMap<{ readonly item: WorkItem; readonly removeAt: number }>>()

  const bucket = (kind: WorkItem['kind'], at: number) => `${kind}/${Math.floor(at / MINUTE)}`
  const position = (item: Pick<WorkItem, 'id' | 'at'>) => `${String(item.at).padStart(16, '0')}/${item.id}`

  return {
    async put(items, options) {
      options?.signal?.throwIfAborted()
      for (const item of items) {
        const name = bucket(item.kind, item.at)
        const within = buckets.get(name) ?? new SortedMap()
        within.set(position(item), { item: Object.freeze({ ...item }), removeAt: clock.now() + DAY })
        buckets.set(name, within)
      }
    },
    async remove(items, options) {
      options?.signal?.throwIfAborted()
      for (const item of items) {
        const name = bucket(item.kind, item.at)
        buckets.get(name)?.delete(position(item))
        if (buckets.get(name)?.size === 0) buckets.delete(name)
      }
    },
    async list(kind, minute, page, options) {
      options?.signal?.throwIfAborted()
      const items: WorkItem[] = []
      let last: string | undefined
      for (const [at, { item, removeAt }] of buckets.get(bucket(kind, minute))?.above(page.after) ?? []) {
        if (removeAt <= clock.now()) continue
        if (items.length === page.limit) return { items, next: last as string }
        items.push(item)
        last = at
      }
      return { items }
    },
  }
}

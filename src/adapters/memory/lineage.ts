import type { Lineage } from '../../ports/lineage.ts'
import { SortedMap } from './sorted-map.ts'

export function createMemoryLineage(): Lineage {
  const readers = new Map<string, SortedMap<true>>()

  return {
    async addEdges(dependent, nodes, options) {
      options?.signal?.throwIfAborted()
      for (const node of nodes) {
        const below = readers.get(node) ?? new SortedMap<true>()
        below.set(dependent, true)
        readers.set(node, below)
      }
    },
    async removeEdges(dependent, nodes, options) {
      options?.signal?.throwIfAborted()
      for (const node of nodes) {
        readers.get(node)?.delete(dependent)
        if (readers.get(node)?.size === 0) readers.delete(node)
      }
    },
    async dependents(node, page, options) {
      options?.signal?.throwIfAborted()
      const keys: string[] = []
      for (const [key] of readers.get(node)?.above(page.after) ?? []) {
        if (keys.length === page.limit) return { keys, next: keys.at(-1) as string }
        keys.push(key)
      }
      return { keys }
    },
  }
}

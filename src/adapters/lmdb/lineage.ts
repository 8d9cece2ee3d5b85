import type { Lineage } from '../../ports/lineage.ts'
import type { Environment } from './environment.ts'
import { after, hashOf, ZERO } from './keys.ts'
import { seal, unseal } from './record.ts'

/** Table `edges` by the hash of the node and the dependent's key; the record holds the node's text. */
export function createLmdbLineage(environment: Environment): Lineage {
  const edges = environment.table('edges')

  return {
    async addEdges(dependent, nodes, options) {
      options?.signal?.throwIfAborted()
      if (nodes.length === 0) return
      const records = nodes.map((node) => {
        const place = edgePlace(node, dependent)
        return { place, record: seal(place, null, [Buffer.from(node)]) }
      })
      const bytes = records.reduce((sum, { place, record }) => sum + place.length + record.length, 0)
      await environment.writeSoon({ records: records.length, bytes }, () => {
        for (const { place, record } of records) edges.putSync(place, record)
      })
    },
    async removeEdges(dependent, nodes, options) {
      options?.signal?.throwIfAborted()
      if (nodes.length === 0) return
      await environment.writeSoon(null, () => {
        for (const node of nodes) edges.removeSync(edgePlace(node, dependent))
      })
    },
    async dependents(node, page, options) {
      options?.signal?.throwIfAborted()
      const prefix = hashOf(node)
      const start = page.after === undefined ? prefix : Buffer.concat([prefix, Buffer.from(page.after), ZERO])
      const range = { start, end: after(prefix), limit: page.limit + 1 }
      const found = environment.read(() => [...edges.getRange(range)])
      const keys = found.map(({ key, value }) => {
        const dependent = key.subarray(prefix.length).toString()
        // The key alone says who depends, and one dependent too many does no harm.
        const record = unseal(key, value)
        if (typeof record === 'string') environment.unreadable('dependency', dependent, record)
        return dependent
      })
      if (keys.length <= page.limit) return { keys }
      return { keys: keys.slice(0, page.limit), next: keys[page.limit - 1] as string }
    },
  }
}

function edgePlace(node: string, dependent: string): Buffer {
  return Buffer.concat([hashOf(node), Buffer.from(dependent)])
}

import type { Lineage } from '../../ports/lineage.ts'
import type { Connection } from './connection.ts'
import { bounded, pageOfShards, shardOf, shardsOf } from './shards.ts'
import type { Statements } from './statements.ts'
import { concurrently } from './within.ts'

/** Bytes of a partition key and of a clustering key, under the limits of Keyspaces (2,048 and 850). */
const NODE_BYTES = 1_900
const DEPENDENT_BYTES = 800
const AT_ONCE = 32

export function createLineage(connection: Connection, cql: Statements): Lineage {
  const place = (dependent: string, node: string) => {
    const short = bounded(dependent, DEPENDENT_BYTES)
    return {
      key: [bounded(node, NODE_BYTES), shardOf(dependent, shardsOf(node)), short],
      whole: short === dependent ? null : dependent,
    }
  }
  return {
    async addEdges(dependent, nodes, options = {}) {
      options.signal?.throwIfAborted()
      await concurrently(nodes, AT_ONCE, (node) => {
        const { key, whole } = place(dependent, node)
        return connection.write({ cql: cql.addEdge, values: [...key, whole] }, options.signal)
      })
    },
    async removeEdges(dependent, nodes, options = {}) {
      options.signal?.throwIfAborted()
      await concurrently(nodes, AT_ONCE, (node) =>
        connection.write({ cql: cql.removeEdge, values: place(dependent, node).key }, options.signal),
      )
    },
    async dependents(node, page, options = {}) {
      const stored = bounded(node, NODE_BYTES)
      // An edge must be seen once it is added: the value that was read after it may be about to change.
      const latest = { ...options, consistency: 'latest' } as const
      const { items, next } = await pageOfShards(
        (shard, after, limit) => connection.read({ cql: cql.readEdges, values: [stored, shard, after, limit] }, latest),
        (row) => String(row['dependent']),
        { ...page, shards: shardsOf(node) },
      )
      const keys = items.map((row) => String(row['whole'] ?? row['dependent']))
      return next === undefined ? { keys } : { keys, next }
    },
  }
}

import { mutate } from '../entry/mutate.ts'
import { park } from '../entry/transitions.ts'
import type { KckParts } from '../kck/flows.ts'
import { backlog } from './backlog.ts'
import type { Operate } from './contract.ts'
import { explain } from './explain.ts'
import { graphOf } from './graph.ts'
import { listKeys } from './keys.ts'

export function createOperate(parts: KckParts): Operate {
  const { registry, store, clock, entropy } = parts
  return {
    explain: async (key, { signal } = {}) => explain(parts, registry.parseKey(key), clock.now(), signal),
    keys: (query, { signal } = {}) => listKeys(parts, query, clock.now(), signal),
    graph: ({ signal } = {}) => graphOf(parts, signal),
    backlog: ({ limit = 100, signal } = {}) => backlog(parts, limit, signal),
    discard: async (key, { signal } = {}) => {
      const change = { key: registry.parseKey(key).text, operation: entropy.id(), signal }
      const parked = await mutate({ entries: store.entries, clock, entropy }, change, (entry) =>
        park(entry, clock.now()),
      )
      return parked.applied
    },
  }
}

import { concurrently } from '../async/concurrently.ts'
import type { Compression } from '../entry/body.ts'
import { mutate } from '../entry/mutate.ts'
import { park } from '../entry/transitions.ts'
import type { Flows, KckParts } from '../kck/flows.ts'
import { backlog } from './backlog.ts'
import type { Loaded, Operate } from './contract.ts'
import { dumpPage } from './dump.ts'
import { explain } from './explain.ts'
import { graphOf } from './graph.ts'
import { listKeys } from './keys.ts'
import { loadEntry } from './load.ts'

const LOADS_AT_ONCE = 16

export function createOperate(parts: KckParts, flows: Pick<Flows, 'changes'>, compression: Compression): Operate {
  const { registry, store, clock, entropy } = parts
  const loading = { ...parts, ...flows, compression }
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
    dump: (query, { signal } = {}) => dumpPage(parts, query, signal),
    load: async (entries, { signal } = {}) => {
      const loaded: Loaded[] = []
      await concurrently([...entries.entries()], LOADS_AT_ONCE, async ([index, entry]) => {
        loaded[index] = await loadEntry(loading, entry, signal)
      })
      return loaded
    },
  }
}

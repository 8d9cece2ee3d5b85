import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LmdbReplicaState } from '../../src/adapters/lmdb/replica-state.ts'
import { MemoryUpdateLog } from '../../src/adapters/memory/update-log.ts'
import { type KckEvent, subscribe } from '../../src/events.ts'
import type { UpdateLog } from '../../src/ports/update-log.ts'
import { structured } from '../../src/replica/codec.ts'
import { createReplica, type ReplicaSettings } from '../../src/replica/create-replica.ts'
import type { Replica } from '../../src/replica/replica.ts'
import { createSeededEntropy, createVirtualClock } from './virtual-clock.ts'

// biome-ignore lint/suspicious/noExplicitAny: the tests write values of every kind.
type Any = any

/** Replicas of one log, on as many machines as a test names, with a clock that stands still. */
export function replicaMachines() {
  const folder = mkdtempSync(join(tmpdir(), 'kck-machines-'))
  const clock = createVirtualClock()
  const opened: Replica<Any, Any>[] = []
  let seed = 0
  const events: KckEvent[] = []
  const unsubscribe = subscribe((event) => events.push(event))
  const log = new MemoryUpdateLog('log')

  function open<T = Any>(machine: string, more: { readonly log?: UpdateLog } & Partial<ReplicaSettings<T>> = {}) {
    const { log: ownLog = log, ...settings } = more
    const state = new LmdbReplicaState({ path: join(folder, machine), clock })
    const entropy = createSeededEntropy(++seed)
    const parts = { name: 'test', log: ownLog, state, snapshots: null, clock, entropy }
    const replica = createReplica<T, string>(parts, {
      codec: structured<T>(),
      keys: 'text',
      cacheBytes: 1_000_000,
      everyMs: 250,
      deadlineMs: 5_000,
      ...settings,
    })
    opened.push(replica)
    return { replica, state, parts }
  }

  return {
    clock,
    folder,
    log,
    /** `replica` events of that outcome. */
    said: (outcome: string) => events.filter((event) => event.type === 'replica' && event.outcome === outcome),
    open,
    /** One that is complete. */
    async ready<T = Any>(machine = 'here', more: Parameters<typeof open<T>>[1] = {}) {
      const { replica } = open<T>(machine, more)
      await replica.update()
      return replica
    },
    async close() {
      unsubscribe()
      await Promise.all(opened.map((replica) => replica.close()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

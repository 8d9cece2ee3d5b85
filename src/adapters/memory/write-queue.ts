import type { Clock } from '../../ports/clock.ts'
import type { StoredRecord, WriteQueue } from '../../ports/write-queue.ts'

type Held = StoredRecord & { readonly removeAt: number | null }

export function createMemoryWriteQueue(clock: Clock): WriteQueue {
  const shards = new Map<number, Map<number, Held>>()

  const logOf = (shard: number) => {
    const log = shards.get(shard) ?? new Map<number, Held>()
    shards.set(shard, log)
    return log
  }
  const find = (log: Map<number, Held>, position: number) => {
    const held = log.get(position)
    if (held?.removeAt == null || clock.now() < held.removeAt) return held
    log.delete(position)
    return undefined
  }

  return {
    async append(shard, position, { text }, options) {
      options?.signal?.throwIfAborted()
      const log = logOf(shard)
      if (find(log, position)) return false
      log.set(position, { position, rev: 1, text, removeAt: null })
      return true
    },
    async read(shard, after, limit, options) {
      options?.signal?.throwIfAborted()
      const log = logOf(shard)
      const found: StoredRecord[] = []
      for (let position = after + 1; found.length < limit; position++) {
        const held = find(log, position)
        if (!held) break
        found.push({ position, rev: held.rev, text: held.text })
      }
      return found
    },
    async replace(shard, { position, rev }, { text, removeAt }, options) {
      options?.signal?.throwIfAborted()
      const log = logOf(shard)
      if (find(log, position)?.rev !== rev) return false
      log.set(position, { position, rev: rev + 1, text, removeAt })
      return true
    },
  }
}

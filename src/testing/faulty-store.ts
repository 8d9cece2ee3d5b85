import { KckError } from '../errors.ts'
import type { CallOptions, EntryStore } from '../ports/entry-store.ts'
import type { Registers } from '../ports/registers.ts'
import type { Store } from '../ports/store.ts'
import type { WriteQueue } from '../ports/write-queue.ts'
import type { Link } from './link.ts'

/** How often a conditional write is tried before its outcome is given up. */
const ATTEMPTS = 3

/** A store behind a link. */
export function faultyStore(store: Store, link: Link): Store {
  const { lineage, workIndex } = store
  const changing = (options: CallOptions | undefined) => ({ signal: options?.signal, repeatable: true })
  return {
    entries: faultyEntries(store.entries, link),
    lineage: {
      addEdges: (dependent, nodes, options) => link.call(() => lineage.addEdges(dependent, nodes), changing(options)),
      removeEdges: (dependent, nodes, options) =>
        link.call(() => lineage.removeEdges(dependent, nodes), changing(options)),
      dependents: (node, page, options) => link.call(() => lineage.dependents(node, page), { signal: options?.signal }),
    },
    workIndex: {
      put: (items, options) => link.call(() => workIndex.put(items), changing(options)),
      remove: (items, options) => link.call(() => workIndex.remove(items), changing(options)),
      list: (kind, minute, page, options) =>
        link.call(() => workIndex.list(kind, minute, page), { signal: options?.signal }),
    },
    registers: faultyRegisters(store.registers, link),
    writeQueue: faultyWriteQueue(store.writeQueue, link),
    createSchema: () => store.createSchema(),
    close: () => store.close(),
  }
}

function faultyEntries(entries: EntryStore, link: Link): EntryStore {
  const latest = { consistency: 'latest' } as const
  const removed = removedMarks(entries)
  return {
    get: (key, options) =>
      link.call(() => entries.get(key, { consistency: options?.consistency ?? 'one' }), { signal: options?.signal }),
    getMany: (keys, options) =>
      link.call(() => entries.getMany(keys, { consistency: options?.consistency ?? 'one' }), {
        signal: options?.signal,
      }),
    compareAndSet: (previous, next, options) =>
      conditional(link, options, {
        attempt: () => entries.compareAndSet(previous, next),
        happened: async () => {
          const { row } = await entries.get(next.key, latest)
          return row?.ops.includes(next.ops.at(-1) ?? '') ?? false
        },
      }),
    mark: (keys, mark, removeAt, options) => {
      const order = removed.next()
      const write = () =>
        entries.mark(
          keys.filter((key) => removed.last(key, mark.id) < order),
          mark,
          removeAt,
        )
      return link.call(write, { signal: options?.signal, repeatable: true })
    },
    unmark: (key, markIds, options) => {
      const order = removed.next()
      const remove = () => {
        for (const id of markIds) removed.add(key, id, order)
        return entries.unmark(key, markIds)
      }
      return link.call(remove, { signal: options?.signal, repeatable: true })
    },
    // biome-ignore lint/complexity/useMaxParams: the port's signature.
    putChunks: (key, bodyId, chunks, removeAt, options) =>
      link.call(() => entries.putChunks(key, bodyId, chunks, removeAt), { signal: options?.signal, repeatable: true }),
    getChunks: (key, bodyId, count, options) =>
      link.call(() => entries.getChunks(key, bodyId, count), { signal: options?.signal }),
    deleteChunks: (key, bodyId, count, options) =>
      link.call(() => entries.deleteChunks(key, bodyId, count), { signal: options?.signal, repeatable: true }),
    ping: (options) => link.call(() => entries.ping(), { signal: options?.signal }),
    close: () => entries.close(),
  }
}

interface RemovedMarks {
  /** A place in the order in which everybody sends. */
  next(): number
  /** When that mark was removed last, in this order; -1: never. */
  last(key: string, id: string): number
  add(key: string, id: string, order: number): void
}

const removedByStore = new WeakMap<EntryStore, RemovedMarks>()

/** A mark that arrives after it was removed is one that was sent before: stores tell by its timestamp, and drop it. */
function removedMarks(entries: EntryStore): RemovedMarks {
  const known = removedByStore.get(entries)
  if (known) return known
  const orders = new Map<string, number>()
  let sent = 0
  const removed: RemovedMarks = {
    next: () => sent++,
    last: (key, id) => orders.get(`${key} ${id}`) ?? -1,
    add: (key, id, order) => orders.set(`${key} ${id}`, Math.max(order, removed.last(key, id))),
  }
  removedByStore.set(entries, removed)
  return removed
}

function faultyRegisters(registers: Registers, link: Link): Registers {
  const writers = new Map<string, string>()
  return {
    get: (name, options) => link.call(() => registers.get(name), { signal: options?.signal }),
    compareAndSet: (name, rev, next, options) =>
      conditional(link, options, {
        attempt: async () => {
          const applied = await registers.compareAndSet(name, rev, next)
          if (applied) writers.set(`${name} ${rev}`, next.operation)
          return applied
        },
        happened: async () => writers.get(`${name} ${rev}`) === next.operation,
      }),
  }
}

function faultyWriteQueue(queue: WriteQueue, link: Link): WriteQueue {
  const writers = new Map<string, string>()
  const noted = async (place: string, operation: string, applied: boolean) => {
    if (applied) writers.set(place, operation)
    return applied
  }
  return {
    append: (shard, position, record, options) => {
      const place = `${shard} ${position} 0`
      return conditional(link, options, {
        attempt: async () => noted(place, record.operation, await queue.append(shard, position, record)),
        happened: async () => writers.get(place) === record.operation,
      })
    },
    read: (shard, after, limit, options) =>
      link.call(() => queue.read(shard, after, limit), { signal: options?.signal }),
    replace: (shard, stored, next, options) => {
      const place = `${shard} ${stored.position} ${stored.rev}`
      return conditional(link, options, {
        attempt: async () => noted(place, next.operation, await queue.replace(shard, stored, next)),
        happened: async () => writers.get(place) === next.operation,
      })
    },
  }
}

/**
 * A conditional write as an adapter has to do it: what went unanswered is asked about and tried again until its outcome
 * is known, or `STORE_UNAVAILABLE` is thrown although it may still arrive.
 */
async function conditional(
  link: Link,
  options: CallOptions | undefined,
  write: { readonly attempt: () => Promise<boolean>; readonly happened: () => Promise<boolean> },
): Promise<boolean> {
  const signal = options?.signal
  for (let attempt = 1; ; attempt++) {
    try {
      const applied = await link.call(write.attempt, { signal })
      // Refused by its own earlier attempt?
      return applied || (attempt > 1 && (await link.call(write.happened, { signal })))
    } catch (error) {
      const unanswered = error instanceof KckError && error.code === 'STORE_UNAVAILABLE'
      if (!unanswered || attempt === ATTEMPTS) throw error
    }
  }
}

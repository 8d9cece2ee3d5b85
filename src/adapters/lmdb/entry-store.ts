import { setImmediate } from 'node:timers/promises'
import type { StoredEntry } from '../../entry/entry.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CallOptions, EntryStore } from '../../ports/entry-store.ts'
import { Chunks } from './chunks.ts'
import type { Environment } from './environment.ts'
import { Marks } from './marks.ts'
import { Rows } from './rows.ts'

export interface LmdbEntryStore extends EntryStore {
  /** What `get` reads, at once. */
  peek(key: string): StoredEntry
}

/** Marks that are written in one transaction, so that nobody waits long for the lock. */
const MARKS_PER_WRITE = 500

/** Every read sees every commit of every process, so `one` and `latest` are the same. */
export function createLmdbEntryStore(environment: Environment, clock: Clock): LmdbEntryStore {
  const rows = new Rows(environment, clock)
  const marks = new Marks(environment, clock)
  const bodies = new Chunks(environment, clock)

  const read = (key: string): StoredEntry => ({ key, row: rows.of(key), marks: marks.of(key) })

  return {
    peek: (key) => environment.read(() => read(key)),
    async get(key, options) {
      throwIfAborted(options)
      return environment.read(() => read(key))
    },
    async getMany(keys, options) {
      throwIfAborted(options)
      return environment.read(() => keys.map(read))
    },
    async compareAndSet(previous, next, options) {
      throwIfAborted(options)
      return rows.replace(previous, next)
    },
    async mark(keys, mark, removeAt, options) {
      throwIfAborted(options)
      const bytesEach = 200 + Buffer.byteLength(mark.cause)
      for (let from = 0; from < keys.length; from += MARKS_PER_WRITE) {
        if (from > 0) await pause(options)
        const group = keys.slice(from, from + MARKS_PER_WRITE)
        environment.write({ records: group.length, bytes: group.length * bytesEach }, () => {
          for (const key of group) marks.add(key, mark, removeAt)
        })
      }
    },
    async unmark(key, markIds, options) {
      throwIfAborted(options)
      if (markIds.length === 0) return
      await environment.writeSoon(null, () => {
        for (const id of markIds) marks.remove(key, id)
      })
    },
    // biome-ignore lint/complexity/useMaxParams: the port's signature.
    async putChunks(key, bodyId, chunks, removeAt, options) {
      throwIfAborted(options)
      await bodies.put({ key, bodyId, removeAt }, chunks, () => pause(options))
    },
    async getChunks(key, bodyId, count, options) {
      throwIfAborted(options)
      return bodies.get({ key, bodyId }, count)
    },
    async deleteChunks(key, bodyId, count, options) {
      throwIfAborted(options)
      bodies.delete({ key, bodyId }, count)
    },
    async ping(options) {
      throwIfAborted(options)
      environment.read(() => rows.of('ping'))
    },
    async close() {},
  }
}

/** Lets the event loop turn between two transactions of a long call. */
async function pause(options: CallOptions | undefined): Promise<void> {
  await setImmediate()
  throwIfAborted(options)
}

function throwIfAborted(options: CallOptions | undefined): void {
  options?.signal?.throwIfAborted()
}

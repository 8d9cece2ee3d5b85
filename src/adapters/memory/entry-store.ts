import type { EntryRow, Mark, StoredEntry } from '../../entry/entry.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CallOptions, EntryStore } from '../../ports/entry-store.ts'
import { frozenRow, handOut } from './copy.ts'

interface Removable<T> {
  readonly content: T
  readonly removeAt: number | null
}

/** Entries in this process's memory: what the other stores are compared with. */
export function createMemoryEntryStore(clock: Clock): EntryStore {
  const rows = new Map<string, EntryRow>()
  const marks = new Map<string, Map<string, Removable<Mark>>>()
  const bodies = new Map<string, Map<string, Removable<readonly Uint8Array[]>>>()

  const passed = (removeAt: number | null) => removeAt !== null && removeAt <= clock.now()

  const row = (key: string): EntryRow | null => {
    const found = rows.get(key)
    if (found && passed(found.removeAt)) rows.delete(key)
    return found && !passed(found.removeAt) ? found : null
  }

  const read = (key: string): StoredEntry => {
    const found = row(key)
    const beside = marks.get(key)
    for (const [id, mark] of beside ?? []) if (passed(mark.removeAt)) beside?.delete(id)
    return { key, row: found && handOut(found), marks: [...(beside?.values() ?? [])].map((mark) => mark.content) }
  }

  return {
    async get(key, options) {
      throwIfAborted(options)
      return read(key)
    },
    async getMany(keys, options) {
      throwIfAborted(options)
      return keys.map(read)
    },
    async compareAndSet(previous, next, options) {
      throwIfAborted(options)
      if ((row(next.key)?.rev ?? null) !== (previous?.rev ?? null)) return false
      rows.set(next.key, frozenRow(next))
      return true
    },
    async mark(keys, mark, removeAt, options) {
      throwIfAborted(options)
      const content = Object.freeze({ ...mark })
      for (const key of keys) {
        const beside = within(marks, key)
        beside.set(mark.id, { content, removeAt: later(removeAt, beside.get(mark.id)) })
      }
    },
    async unmark(key, markIds, options) {
      throwIfAborted(options)
      for (const id of markIds) marks.get(key)?.delete(id)
      if (marks.get(key)?.size === 0) marks.delete(key)
    },
    // biome-ignore lint/complexity/useMaxParams: the port's signature.
    async putChunks(key, bodyId, chunks, removeAt, options) {
      throwIfAborted(options)
      const ofKey = within(bodies, key)
      const content = chunks.map((chunk) => new Uint8Array(chunk))
      ofKey.set(bodyId, { content, removeAt: later(removeAt, ofKey.get(bodyId)) })
    },
    async getChunks(key, bodyId, count, options) {
      throwIfAborted(options)
      const body = bodies.get(key)?.get(bodyId)
      if (body && passed(body.removeAt)) bodies.get(key)?.delete(bodyId)
      if (!body || passed(body.removeAt) || body.content.length < count) return null
      return body.content.slice(0, count).map((chunk) => new Uint8Array(chunk))
    },
    async deleteChunks(key, bodyId, _count, options) {
      throwIfAborted(options)
      bodies.get(key)?.delete(bodyId)
      if (bodies.get(key)?.size === 0) bodies.delete(key)
    },
    async ping(options) {
      throwIfAborted(options)
    },
    async close() {},
  }
}

/** What is stored twice stays until the later of both times. */
function later(removeAt: number | null, stored: Removable<unknown> | undefined): number | null {
  if (!stored) return removeAt
  return removeAt === null || stored.removeAt === null ? null : Math.max(removeAt, stored.removeAt)
}

function within<V>(outer: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const inner = outer.get(key) ?? new Map<string, V>()
  outer.set(key, inner)
  return inner
}

function throwIfAborted(options: CallOptions | undefined): void {
  options?.signal?.throwIfAborted()
}

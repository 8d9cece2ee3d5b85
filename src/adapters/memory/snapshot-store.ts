import { KckError } from '../../errors.ts'
import type { SnapshotInfo, SnapshotStore } from '../../ports/snapshot-store.ts'

/** Snapshots in the memory of this process, for tests. */
export function createMemorySnapshotStore(): MemorySnapshotStore {
  const kept = new Map<string, { readonly info: SnapshotInfo; content: Buffer }>()
  let count = 0
  return {
    list: async (options) => {
      options?.signal?.throwIfAborted()
      return [...kept.values()].map(({ info }) => info).sort(newestFirst)
    },
    put: async (content, describe, { signal } = {}) => {
      signal?.throwIfAborted()
      const pieces: Uint8Array[] = []
      for await (const piece of content) {
        signal?.throwIfAborted()
        pieces.push(Uint8Array.from(piece))
      }
      const info = { ...describe(), name: `snapshot-${String(count++).padStart(6, '0')}` }
      kept.set(info.name, { info, content: Buffer.concat(pieces) })
      return info
    },
    open: async ({ name }) => {
      const found = kept.get(checked(name))
      return found ? each(found.content) : null
    },
    remove: async ({ name }) => {
      kept.delete(checked(name))
    },
    tear: (name, bytes) => {
      const found = kept.get(name)
      if (found) found.content = found.content.subarray(0, bytes)
    },
  }
}

export interface MemorySnapshotStore extends SnapshotStore {
  /** Leaves only that many bytes of a snapshot's content. */
  tear(name: string, bytes: number): void
}

const PIECE = 64 * 1024

async function* each(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < content.length; from += PIECE) yield content.subarray(from, from + PIECE)
}

function newestFirst(a: SnapshotInfo, b: SnapshotInfo): number {
  return b.id - a.id || (a.name < b.name ? 1 : -1)
}

function checked(name: string): string {
  if (/^snapshot-\d+$/.test(name)) return name
  throw new KckError('BAD_REQUEST', 'That is not the name of a snapshot of this store')
}

import type { Lineage } from '../ports/lineage.ts'
import { keyOfDependent, productNode } from './recorder.ts'

/** Products looked at, and of each the readers: a circle that people make is small. */
const MOST = 1_000
const READERS_OF_EACH = 200

/**
 * The way on which `key` reads `parent`, as far as anybody has noted: where `parent` waits for `key`, a circle over
 * several processes, none of which sees all of it. Null: there is none.
 */
export async function circleThrough(
  lineage: Lineage,
  { parent, key }: { readonly parent: string; readonly key: string },
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  /** What each was found to read. */
  const reads = new Map<string, string>()
  let nodes = [parent]
  while (nodes.length > 0 && reads.size < MOST) {
    const next: string[] = []
    for (const node of nodes) {
      const { keys } = await lineage.dependents(productNode(node), { limit: READERS_OF_EACH }, { signal })
      for (const reader of keys.map(keyOfDependent)) {
        if (reads.has(reader)) continue
        reads.set(reader, node)
        next.push(reader)
      }
    }
    if (reads.has(key)) return pathOf(reads, { parent, key })
    nodes = next
  }
  return null
}

function pathOf(
  reads: ReadonlyMap<string, string>,
  { parent, key }: { readonly parent: string; readonly key: string },
) {
  const path = [parent]
  for (let at: string | undefined = key; at !== undefined && at !== parent; at = reads.get(at)) path.push(at)
  return [...path, parent]
}

import type { Flows, KckParts } from '../kck/flows.ts'
import type { KckOptions } from '../kck/options.ts'
import type { Writes } from './api.ts'
import { Overlaid } from './overlaid.ts'
import { createReads, type Reads } from './reads.ts'
import { createWrites } from './writes.ts'

/** Writes that wait, and reads that show them. */
export function createCachedWrites(
  parts: KckParts,
  { fetcher, changes }: Flows,
  options: KckOptions,
): { readonly writes: Writes; readonly reads: Reads } {
  const overlaid = new Overlaid({ ...parts, maxAgeMs: options.nearCacheMaxAgeMs })
  const outdated = (key: string) => overlaid.forget(key)
  const writes = createWrites({ ...parts, options, changes, outdated }, options.writes)
  return { writes, reads: createReads({ fetcher, overlaid, registry: parts.registry }) }
}

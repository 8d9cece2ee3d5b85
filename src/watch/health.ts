import { asKckError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import { isWatched } from './watch-job.ts'
import { lagOf } from './watched.ts'

export interface WatchHealth {
  readonly ok: boolean
  readonly ms: number
  readonly code?: string
  readonly lagMs?: number
}

/** Of each source that is watched, how far its marks are behind; by `watch <source>`. */
export async function watchHealth(
  {
    store,
    sources,
    clock,
  }: { readonly store: Store; readonly sources: ReadonlyMap<string, Source>; readonly clock: Clock },
  signal?: AbortSignal,
): Promise<readonly (readonly [string, WatchHealth])[]> {
  const parts = [...sources].map(async ([name, source]) => {
    const startedAt = clock.now()
    try {
      if (!(await isWatched(store, name))) return []
      const { lagMs } = await lagOf(source, signal)
      return [[`watch ${name}`, { ok: true, ms: clock.now() - startedAt, lagMs }] as const]
    } catch (error) {
      return [[`watch ${name}`, { ok: false, ms: clock.now() - startedAt, code: asKckError(error).code }] as const]
    }
  })
  return (await Promise.all(parts)).flat()
}

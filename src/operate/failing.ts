import { freshness } from '../entry/freshness.ts'
import type { Store } from '../ports/store.ts'
import type { Registry } from '../primer/registry.ts'
import { FAILING } from '../refresh/recorder.ts'
import type { FailingKey } from './contract.ts'

/** The products whose last refresh failed, parked ones first. */
export async function listFailing(
  { store, registry }: { readonly store: Store; readonly registry: Registry },
  limit: number,
  now: number,
  signal?: AbortSignal,
): Promise<readonly FailingKey[]> {
  const call = signal ? { signal } : {}
  const { keys } = await store.lineage.dependents(FAILING, { limit }, call)
  const entries = keys.length === 0 ? [] : await store.entries.getMany([...new Set(keys)], call)
  const failing: FailingKey[] = []
  for (const { key, row, marks } of entries) {
    const revision = registry.primers.get(key.split('/', 1)[0] ?? '')?.revision
    const isFresh = revision !== undefined && freshness({ key, row, marks }, revision, now).state === 'fresh'
    if (row?.failure && !isFresh) {
      const { attempts, code, message, at, retryAt } = row.failure
      failing.push({ key, attempts, code, message, failedAt: at, retryAt })
    } else {
      await store.lineage.removeEdges(key, [FAILING], call)
    }
  }
  return failing.sort((a, b) => (a.retryAt ?? 0) - (b.retryAt ?? 0))
}

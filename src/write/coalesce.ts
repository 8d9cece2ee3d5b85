import type { UpdateDeps } from '../update/update.ts'
import { type Ready, readyOf } from './ready.ts'

/**
 * Writes of one key that stand behind each other become one, where their updater says so. Writes of other keys may lie
 * between: only the order of each key counts.
 */
export function coalesced(deps: Pick<UpdateDeps, 'registry'>, writes: readonly Ready[]): readonly Ready[] {
  const kept: (Ready | null)[] = []
  const last = new Map<string, number>()
  for (const ready of writes) {
    const { order } = ready.write
    const at = last.get(order)
    const earlier = at === undefined ? null : kept[at]
    const merged = earlier ? merge(deps, earlier, ready) : null
    if (merged && at !== undefined) kept[at] = null
    last.set(order, kept.length)
    kept.push(merged ?? ready)
  }
  return kept.filter((ready) => ready !== null)
}

function merge(deps: Pick<UpdateDeps, 'registry'>, earlier: Ready, later: Ready): Ready | null {
  const { updater } = later.target
  const { coalesce } = updater
  if (coalesce === null || earlier.target.updater !== updater || earlier.write.updater !== later.write.updater)
    return null
  if (earlier.chosen.mode !== later.chosen.mode) return null
  if (coalesce === 'last') return later
  const body = coalesce(earlier.body, later.body)
  return body === undefined ? null : readyOf(deps, { ...later.write, body: body as Ready['write']['body'] })
}

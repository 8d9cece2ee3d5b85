import type { Pair, ReplicaState } from '../ports/replica-state.ts'
import { afterPrefix, type KeyKind, keyBytes } from './key.ts'
import type { ReplicaRange } from './replica.ts'

/** Pairs that are read at a time, as long as nothing changes. */
const AHEAD = 64

/** The pairs of a range, live: what was read ahead is read again when the file has changed. */
export function* pairsOf(state: ReplicaState, range: ReplicaRange, kind: KeyKind): Generator<Pair> {
  const { start, end } = bounds(range, kind)
  let from: { readonly start?: Uint8Array; readonly after?: Uint8Array } = start ? { start } : {}
  for (;;) {
    let pair: Pair | null = null
    for (pair of ahead(state, from)) {
      if (end && Buffer.compare(pair.key, end) >= 0) return
      yield pair
    }
    if (pair === null) return
    from = { after: pair.key }
  }
}

/** Some pairs, as long as nothing changes. */
function* ahead(state: ReplicaState, from: Parameters<ReplicaState['range']>[0]): Generator<Pair> {
  const stamp = state.stamp()
  for (const [index, pair] of state.range(from, AHEAD).entries()) {
    if (index > 0 && state.stamp() !== stamp) return
    yield pair
  }
}

function bounds({ start, end, prefix }: ReplicaRange, kind: KeyKind) {
  const first = start === undefined ? null : keyBytes(start, kind)
  const last = end === undefined ? null : keyBytes(end, kind)
  if (prefix === undefined) return { start: first, end: last }
  const prefixed = keyBytes(prefix, 'bytes')
  const behind = afterPrefix(prefixed)
  return {
    start: first && Buffer.compare(first, prefixed) > 0 ? first : prefixed,
    end: last && (behind === null || Buffer.compare(last, behind) < 0) ? last : behind,
  }
}

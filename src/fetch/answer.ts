import type { Materialization } from '../entry/entry.ts'
import type { Freshness } from '../entry/freshness.ts'
import type { Fetched } from '../kck/kck.ts'
import type { MemoryBody } from './fetched-body.ts'

/** What a fetch came to, with the materialization for those who need more than the bytes. */
export interface Answer extends Fetched {
  readonly body: MemoryBody
  readonly value: Materialization
}

export function answer(
  key: string,
  made: {
    readonly fresh: Exclude<Freshness, { state: 'missing' }>
    readonly body: MemoryBody
    readonly from: Fetched['from']
    readonly failed: boolean
    readonly collapsed?: boolean
  },
): Answer {
  const { fresh, body, from } = made
  const { value } = fresh
  const stale = fresh.state === 'stale' ? fresh : null
  return {
    key,
    version: value.version,
    modified: value.modified,
    asOf: value.asOf,
    state: stale ? (made.failed ? 'failed' : 'stale') : 'fresh',
    staleSince: stale?.since ?? null,
    staleCause: stale?.cause ?? null,
    softExpiresAt: value.softExpiresAt,
    hardExpiresAt: value.hardExpiresAt,
    contentHash: value.contentHash,
    from,
    collapsed: made.collapsed ?? false,
    body,
    value,
  }
}

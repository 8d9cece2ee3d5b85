import { channel } from 'node:diagnostics_channel'
import type { ErrorCode } from './errors.ts'

/**
 * Everything that happens, as one union on the diagnostics channel `kck`. Logs, metrics, tests and the console
 * subscribe; the core never logs. Times in milliseconds.
 */
export type KckEvent =
  | { readonly type: 'hit'; readonly key: string; readonly tier: 'near' | 'replica' | 'store'; readonly ageMs: number }
  | {
      readonly type: 'stale'
      readonly key: string
      readonly tier: 'near' | 'replica' | 'store'
      readonly ageMs: number
      readonly cause: string
    }
  | { readonly type: 'miss'; readonly key: string }
  | { readonly type: 'collapsed'; readonly key: string }
  | {
      readonly type: 'prime'
      readonly key: string
      readonly cause: string
      readonly costMs: number
      readonly version: number
      readonly bytes: number
      readonly changed: boolean
    }
  | {
      readonly type: 'compute-failed'
      readonly key: string
      readonly cause: string
      readonly costMs: number
      readonly attempts: number
      readonly retryAt: number | null
      readonly error: unknown
    }
  | {
      readonly type: 'augment'
      readonly key: string
      readonly costMs: number
      readonly outcome: 'applied' | 'declined' | 'failed' | 'disagreed'
    }
  | { readonly type: 'cutoff'; readonly key: string }
  /** An entry was published; `lagMs` since the product became dirty, null when it was not, or still is. */
  | { readonly type: 'refreshed'; readonly key: string; readonly cause: string; readonly lagMs: number | null }
  | { readonly type: 'dirty'; readonly key: string; readonly cause: string }
  | { readonly type: 'set'; readonly key: string; readonly version: number }
  | { readonly type: 'purge'; readonly key: string }
  | { readonly type: 'update'; readonly updater: string; readonly costMs: number; readonly changed: number }
  /** A cached write. `delayed`: nothing of its log moves until the source answers again, or it (`id`) goes well. */
  | {
      readonly type: 'write'
      readonly action: 'accepted' | 'applied' | 'parked' | 'discarded' | 'delayed'
      readonly id: string | null
      readonly updater: string | null
      readonly code?: ErrorCode
      readonly error?: unknown
    }
  | {
      readonly type: 'lease'
      readonly key: string
      readonly outcome: 'taken' | 'busy' | 'renewed' | 'lost' | 'taken-over'
    }
  | {
      readonly type: 'queue'
      readonly action: 'sent' | 'received' | 'acknowledged' | 'retried' | 'dropped' | 'parked' | 'unreadable'
      readonly key: string
      readonly lane: string
      readonly cause: string
      readonly lagMs?: number
    }
  | {
      readonly type: 'process'
      readonly name: string
      readonly outcome: 'started' | 'finished' | 'skipped' | 'failed'
      readonly costMs?: number
      readonly error?: unknown
    }
  /** Changes that a source's triggers wrote down are marked; `lagMs`: how long the oldest had waited. */
  | { readonly type: 'watch'; readonly source: string; readonly changes: number; readonly lagMs: number }
  | {
      readonly type: 'budget'
      readonly source: string
      readonly outcome: 'waited' | 'refused'
      readonly waitedMs: number
    }
  /** `behind`: how far the log's end is ahead. `rebuilt`: the machine's file was of no use and begins anew. */
  | {
      readonly type: 'replica'
      readonly name: string
      readonly outcome: 'applied' | 'behind' | 'failed' | 'restored' | 'rebuilt' | 'snapshot' | 'compacted'
      /** The id that was reached. */
      readonly id: number
      /** Ids between that and the log's end. */
      readonly lag?: number
      readonly costMs?: number
      readonly error?: unknown
    }
  /** Refused because it was asked too much; tried again, later. */
  | { readonly type: 'throttled'; readonly part: 'store' | 'source' | 'queue' }
  /** Something failed that no caller hears of, or that an operator should know. */
  | {
      readonly type: 'fault'
      readonly where: string
      readonly key?: string
      readonly code?: ErrorCode
      readonly error: unknown
    }

const events = channel('kck')

export function emit(event: KckEvent): void {
  if (events.hasSubscribers) events.publish(event)
}

/** Calls `listener` for every event; returns the way to stop. A listener that throws is reported by Node, not to KCK. */
export function subscribe(listener: (event: KckEvent) => void): () => void {
  const onMessage = (message: unknown) => listener(message as KckEvent)
  events.subscribe(onMessage)
  return () => {
    events.unsubscribe(onMessage)
  }
}

import type { Lane } from '../ports/refresh-queue.ts'

/** What is known of a refresh that somebody asked for. */
export interface Candidate {
  /** Why: see `RefreshRequest`. */
  readonly cause: string
  /** Milliseconds; when it was asked for. */
  readonly askedAt: number
  /** Milliseconds; null: not known, so since it was asked for. */
  readonly staleSince: number | null
  /** Reads since it became stale, as far as they are known. */
  readonly demand: number
  /** Milliseconds that it may be stale; null: nothing says how long. */
  readonly softTtlMs: number | null
  /** Milliseconds that its last compute took; null: not known. */
  readonly costMs: number | null
  /** Nobody has read it for so long that nobody may ever again. */
  readonly idle: boolean
}

export interface Choice {
  /** Null: not at all; its next reader asks for it. */
  readonly lane: Lane | null
  /** What is done first within a lane: the larger. */
  readonly score: number
  /** A sentence for people. */
  readonly reason: string
}

/** Where nothing is known. */
const USUAL = { costMs: 1_000, softTtlMs: 3_600_000 }
/** A compute costs at least this: a lease, a few round trips. */
const LEAST_COST_MS = 50
/** A product that nobody has read yet may still be read. */
const PRIOR_READS = 0.25
/** Stale reads spared per second of computing, from which on a refresh goes to a hotter lane. */
const HOT = 1
const COLD = 0.05

type Cause = 'client' | 'change' | 'schedule' | 'warm-up'
const CAUSES: Readonly<Record<string, Cause>> = {
  deadline: 'client',
  'not-set': 'client',
  manual: 'client',
  schedule: 'schedule',
  'warm-up': 'warm-up',
}
const WEIGHTS: Readonly<Record<Cause, number>> = { client: 100, change: 1, schedule: 0.5, 'warm-up': 0.25 }

/**
 * How much a refresh is worth now, and so where it waits. The score is the stale reads that it spares for each second
 * that it keeps the source busy (a generalised c-mu rule: reads so far grow as fast as the harm that waiting does).
 */
export function choose(candidate: Candidate, now: number): Choice {
  const cause = CAUSES[candidate.cause] ?? 'change'
  const reads = Math.max(0, candidate.demand)
  if (candidate.idle && reads === 0 && cause !== 'client') {
    return { lane: null, score: 0, reason: 'idle: refreshed when it is read again' }
  }
  const staleMs = Math.max(0, now - (candidate.staleSince ?? candidate.askedAt))
  const lateness = staleMs / Math.max(1, candidate.softTtlMs ?? USUAL.softTtlMs)
  const costMs = Math.max(LEAST_COST_MS, candidate.costMs ?? USUAL.costMs)
  const score = (WEIGHTS[cause] * (reads + PRIOR_READS) * (1 + lateness)) / (costMs / 1_000)
  return { lane: laneOf(cause, score), score, reason: '' }
}

function laneOf(cause: Cause, score: number): Lane {
  if (cause === 'client' || score >= HOT) return 'hot'
  return score >= COLD ? 'normal' : 'idle'
}

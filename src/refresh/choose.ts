import type { Lane } from '../ports/refresh-queue.ts'

/** What is known of a product whose refresh was asked for. */
export interface Candidate {
  /** Why it was asked for: see `RefreshRequest`. */
  readonly cause: string
  /** Milliseconds; when it was asked for. */
  readonly askedAt: number
  /** Milliseconds; null: not known, so since it was asked for. */
  readonly staleSince: number | null
  /** Reads since it became stale, as far as they are known. */
  readonly demand: number
  /** Milliseconds for which it may be stale; null: its primer does not say. */
  readonly softTtlMs: number | null
  /** Milliseconds that its last compute took; null: not known. */
  readonly costMs: number | null
  /** Nobody has read it for so long that perhaps nobody will. */
  readonly idle: boolean
}

export interface Choice {
  /** Where it waits; null: nowhere, for it is refreshed when somebody reads it. */
  readonly lane: Lane | null
  /** In one lane the larger comes first. */
  readonly score: number
  /** A sentence for people. */
  readonly reason: string
}

export const LANES: readonly Lane[] = ['hot', 'normal', 'idle']

/** What is assumed where nothing is known. */
const USUAL_COST_MS = 1_000
const USUAL_SOFT_TTL_MS = 3_600_000
/** Reading and writing the entry takes this long, however cheap the compute. */
const LEAST_COST_MS = 50
/** Who was not read yet may be read next: so many reads are expected once it has been stale for so many milliseconds. */
const READS_TO_COME = 0.5
const TO_COME_WITHIN_MS = 120_000
/** What has just become stale counts as stale for this long, so that the cheaper comes first. */
const LEAST_STALE_MS = 1_000
/** How many times more a refresh is worth when it is nearly late. */
const LATE = 100
/** The share of the soft TTL after which there is little time left to compute. */
const NEARLY_LATE = 0.75
/** Scores from which on it goes to a hotter lane. */
const HOT = 0.3
const NORMAL = 0.05

interface Cause {
  readonly weight: number
  readonly text: string
}
const CLIENT: Cause = { weight: 100, text: 'a client that waits' }
const CHANGE: Cause = { weight: 1, text: 'a change or a reader' }
const CAUSES: Readonly<Record<string, Cause>> = {
  deadline: CLIENT,
  'not-set': CLIENT,
  manual: CLIENT,
  schedule: { weight: 0.5, text: 'a schedule' },
  'warm-up': { weight: 0.25, text: 'a warm-up' },
}

/**
 * What a refresh is worth now, and so where it waits. The score is the harm of waiting per second of computing: reads
 * that saw the stale value, which grow in number as they will go on to, times how near it is to being late, by what the
 * refresh costs. (A generalised c-mu rule: van Mieghem, Dynamic scheduling with convex delay costs, 1995.)
 */
export function choose(candidate: Candidate, now: number): Choice {
  const score = scoreOf(candidate, now)
  const lane = laneOf(candidate, score)
  return { lane, score, reason: reasonOf(candidate, lane, now) }
}

export function scoreOf(candidate: Candidate, now: number): number {
  if (isAsleep(candidate)) return 0
  const staleMs = staleMsOf(candidate, now)
  const toCome = READS_TO_COME * Math.min(1, Math.max(LEAST_STALE_MS, staleMs) / TO_COME_WITHIN_MS)
  const value = causeOf(candidate).weight * (readsOf(candidate) + toCome)
  const lateness = Math.min(1, staleMs / (NEARLY_LATE * softTtlMsOf(candidate)))
  return (value * (1 + LATE * lateness ** 6)) / (costMsOf(candidate) / 1_000)
}

function laneOf(candidate: Candidate, score: number): Lane | null {
  if (isAsleep(candidate)) return null
  if (causeOf(candidate) === CLIENT || score >= HOT) return 'hot'
  return score >= NORMAL ? 'normal' : 'idle'
}

function isAsleep(candidate: Candidate): boolean {
  return candidate.idle && readsOf(candidate) === 0 && causeOf(candidate) !== CLIENT && candidate.cause !== 'stale-read'
}

function reasonOf(candidate: Candidate, lane: Lane | null, now: number): string {
  if (lane === null) return 'Nobody has read it for long, so it is refreshed when somebody does.'
  const stale = `stale for ${roughly(staleMsOf(candidate, now))} of ${roughly(softTtlMsOf(candidate))}`
  const cost = candidate.costMs === null ? 'at an unknown cost' : `at a cost of ${roughly(costMsOf(candidate))}`
  return `Asked for by ${causeOf(candidate).text}, read ${readsOf(candidate)} times since, ${stale}, ${cost}.`
}

function causeOf(candidate: Candidate): Cause {
  return CAUSES[candidate.cause] ?? CHANGE
}

function readsOf(candidate: Candidate): number {
  return Math.max(0, candidate.demand)
}

function staleMsOf(candidate: Candidate, now: number): number {
  return Math.max(0, now - Math.min(candidate.askedAt, candidate.staleSince ?? candidate.askedAt))
}

function softTtlMsOf(candidate: Candidate): number {
  return Math.max(1, candidate.softTtlMs ?? USUAL_SOFT_TTL_MS)
}

/** Milliseconds for which it keeps the source busy, as far as is known. */
export function costMsOf(candidate: Pick<Candidate, 'costMs'>): number {
  return Math.max(LEAST_COST_MS, candidate.costMs ?? USUAL_COST_MS)
}

function roughly(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

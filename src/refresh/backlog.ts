import type { Lane } from '../ports/refresh-queue.ts'
import { type Candidate, costMsOf, LANES, scoreOf } from './choose.ts'

/** A request that was taken from the queue and is not begun. */
export interface Waiting<T> {
  readonly item: T
  /** The lane it came from. */
  readonly from: Lane
  /** The lane where it belongs, as far as is known. */
  lane: Lane
  candidate: Candidate
}

/** What the oldest may have for each second that the others have. */
const OLDEST_SHARE = 1 / 49

/**
 * What a worker holds, in the order in which it is worth doing: hotter lanes first, then the larger score, then who was
 * asked for first.
 *
 * Nothing waits for ever: a fiftieth of the computing is for whatever was asked for first, wherever it waits. So before a
 * request, those that were asked for later get at most 49 times what it costs together with all that were asked for
 * before it, and one compute more.
 */
export class Backlog<T> {
  readonly #waiting = new Set<Waiting<T>>()
  /** Milliseconds of computing that the oldest may have. */
  #saved = 0

  get size(): number {
    return this.#waiting.size
  }

  countFrom(lane: Lane): number {
    let size = 0
    for (const { from } of this.#waiting) if (from === lane) size += 1
    return size
  }

  add(waiting: Waiting<T>): void {
    this.#waiting.add(waiting)
  }

  all(): readonly Waiting<T>[] {
    return [...this.#waiting]
  }

  /** Takes out what comes next. */
  take(now: number): T | undefined {
    const oldest = this.#oldest()
    if (!oldest) return undefined
    const cost = costMsOf(oldest.candidate)
    if (this.#saved >= cost) {
      this.#saved -= cost
      return this.#remove(oldest)
    }
    const best = this.#best(now)
    if (best !== oldest) this.#saved += OLDEST_SHARE * costMsOf(best.candidate)
    return this.#remove(best)
  }

  /** Takes out what is worth the least, until `keep` are left; never the oldest, or it would go round for ever. */
  shed(keep: number, now: number): readonly Waiting<T>[] {
    const ranked = this.all()
      .map((waiting) => ({ waiting, score: scoreOf(waiting.candidate, now) }))
      .sort((one, other) => (comesBefore(one, other) ? -1 : 1))
      .map(({ waiting }) => waiting)
    const oldest = this.#oldest()
    const shed = ranked.filter((waiting) => waiting !== oldest).slice(Math.max(0, keep - 1))
    for (const waiting of shed) this.#waiting.delete(waiting)
    return shed
  }

  clear(): readonly T[] {
    const items = this.all().map(({ item }) => item)
    this.#waiting.clear()
    return items
  }

  #oldest(): Waiting<T> | undefined {
    return first(this.#waiting, (one, other) => one.candidate.askedAt < other.candidate.askedAt)
  }

  #best(now: number): Waiting<T> {
    let best: Ranked<T> | undefined
    for (const waiting of this.#waiting) {
      const ranked = { waiting, score: scoreOf(waiting.candidate, now) }
      if (!best || comesBefore(ranked, best)) best = ranked
    }
    return (best as Ranked<T>).waiting
  }

  #remove(waiting: Waiting<T>): T {
    this.#waiting.delete(waiting)
    return waiting.item
  }
}

interface Ranked<T> {
  readonly waiting: Waiting<T>
  readonly score: number
}

function comesBefore<T>(one: Ranked<T>, other: Ranked<T>): boolean {
  const lanes = LANES.indexOf(one.waiting.lane) - LANES.indexOf(other.waiting.lane)
  if (lanes !== 0) return lanes < 0
  if (one.score !== other.score) return one.score > other.score
  return one.waiting.candidate.askedAt < other.waiting.candidate.askedAt
}

function first<T>(items: Iterable<T>, isBefore: (one: T, other: T) => boolean): T | undefined {
  let found: T | undefined
  for (const item of items) if (found === undefined || isBefore(item, found)) found = item
  return found
}

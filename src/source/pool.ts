/**
 * Permits of starts, of which never more than `perSecond` begin in any second. Less than one in a second is one in a
 * longer time; a fraction above is left out. One millisecond more, because clocks cut off what is less.
 */
export function startsPool(perSecond: number | null): Pool {
  if (perSecond === null) return new Pool(Number.POSITIVE_INFINITY)
  return new Pool(Math.max(1, Math.floor(perSecond)), Math.ceil(1_000 / Math.min(1, perSecond)) + 1)
}

/** How long the most that was in use at once is remembered: after one to two times this, idle permits are given back. */
const PEAK_MS = 1_000

/**
 * One process's permits of one kind. A permit of statements that run is in use until it is released; one of starts
 * (`holdMs` given) for that time after it was taken, so that `size` of them are `size` starts in any such time, wherever
 * they are used. `size` Infinity: no limit, and nothing is counted.
 */
export class Pool {
  readonly size: number
  readonly holdMs: number | null
  /** Leased to this process. */
  has = 0
  /** Of them, how many may be in use: less while others wait for their share. */
  limit = 0
  #taken = 0
  /** When each permit in use is free again, in order. */
  readonly #cooling: number[] = []
  #peak = 0
  #lastPeak = 0
  #peakSince = 0

  constructor(size: number, holdMs: number | null = null) {
    this.size = size
    this.holdMs = holdMs
  }

  get isLimited(): boolean {
    return this.size !== Number.POSITIVE_INFINITY
  }

  used(now: number): number {
    while ((this.#cooling[0] ?? Number.POSITIVE_INFINITY) <= now) this.#cooling.shift()
    return this.#taken + this.#cooling.length
  }

  isFree(now: number): boolean {
    return !this.isLimited || this.used(now) < Math.min(this.has, this.limit)
  }

  /** When the next permit of starts is free again; null when none is in use. */
  coolAt(now: number): number | null {
    this.used(now)
    return this.#cooling[0] ?? null
  }

  /** When the last one is. */
  coldAt(): number | null {
    return this.#cooling.at(-1) ?? null
  }

  take(now: number): void {
    if (!this.isLimited) return
    if (this.holdMs === null) this.#taken += 1
    else this.#cooling.push(now + this.holdMs)
    this.#turnPeak(now)
    this.#peak = Math.max(this.#peak, this.used(now))
  }

  release(): void {
    if (this.isLimited) this.#taken -= 1
  }

  /**
   * What could be used now with `waiting` statements in the line, but at most about twice of what was used lately: what
   * another limit keeps from being used is left to other processes, and a busy process still has all after a few steps.
   * What was used lately is wanted for a while longer, unless `others` wait for it.
   */
  wants(now: number, waiting: number, others: boolean): number {
    if (!this.isLimited) return 0
    this.#turnPeak(now)
    const used = this.used(now)
    const peak = Math.max(used, this.#peak, this.#lastPeak)
    return Math.min(this.size, Math.max(others ? used : peak, Math.min(used + waiting, 2 * peak + 1)))
  }

  /** Wants no more than it uses, from now on. */
  forgetPeak(now: number): void {
    this.#peak = this.used(now)
    this.#lastPeak = 0
    this.#peakSince = now
  }

  #turnPeak(now: number): void {
    if (now - this.#peakSince < PEAK_MS) return
    this.#lastPeak = now - this.#peakSince < 2 * PEAK_MS ? this.#peak : 0
    this.#peak = this.used(now)
    this.#peakSince = now
  }
}

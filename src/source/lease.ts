import { KckError } from '../errors.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Registers } from '../ports/registers.ts'
import { Pool, startsPool } from './pool.ts'
import { type Amounts, type Holder, hungryOthers, isHungry, isSame, NOTHING, type Settled, settle } from './shares.ts'

export interface LeaseOptions {
  /** The name of the source. */
  readonly source: string
  readonly concurrency: number | null
  readonly perSecond: number | null
  readonly registers: Registers
  readonly clock: Clock
  readonly entropy: Entropy
  readonly leaseMs: number
  readonly skewMs: number
}

/** What waits for permits in this process. */
export interface Demand {
  readonly waiting: number
  readonly timeoutMs: number
}

/** How much later than its timeout a statement may end: it connects first (5 s), and may be told late to stop (1 s). */
const SLACK_MS = 6_000
/** A lease is written anew when it could be this much longer. */
const RENEW_MS = 4_000
/** The lease of a process that only waits, and after which a wish counts no more. */
const WISH_MS = 10_000
/** How long a process keeps its share while there are more processes than permits. */
const TURN_MS = 2_000
const ATTEMPTS = 12

/**
 * What this process holds of a source's budget. What may be used is only ever raised by a compare-and-set of our own that
 * succeeded, and is lowered before one is tried: a write that arrives late, or whose outcome nobody knows, can make it
 * too small but never too large.
 */
export class Lease {
  readonly running: Pool
  readonly starts: Pool
  readonly #options: LeaseOptions
  readonly #id: string
  readonly #name: string
  /** By our clock. */
  #until = 0
  #turnEndsAt: number | null = null
  /** The register as we left it; null: to be read. */
  #seen: { readonly rev: number; readonly holders: readonly Holder[] } | null = null

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#id = options.entropy.id()
    this.#name = `budget/${options.source}`
    this.running = new Pool(options.concurrency ?? Number.POSITIVE_INFINITY)
    this.starts = startsPool(options.perSecond)
  }

  /** Whether a statement of at most `timeoutMs` that starts now ends within the lease, however it ends. */
  covers(timeoutMs: number): boolean {
    const neededMs = this.running.isLimited ? timeoutMs + SLACK_MS : (this.starts.holdMs ?? 0)
    return this.#until >= this.#options.clock.now() + neededMs
  }

  canStart(timeoutMs: number): boolean {
    const now = this.#options.clock.now()
    return this.running.isFree(now) && this.starts.isFree(now) && this.covers(timeoutMs)
  }

  take(): void {
    const now = this.#options.clock.now()
    this.running.take(now)
    this.starts.take(now)
  }

  /** Holds nothing that could be used for one more statement, now or when another one has ended. */
  isUseless(timeoutMs: number): boolean {
    return [this.running, this.starts].some((pool) => pool.isLimited && pool.has === 0) || !this.covers(timeoutMs)
  }

  isOver(): boolean {
    return this.#until <= this.#options.clock.now()
  }

  wants(waiting: number, others: boolean): Amounts {
    const now = this.#options.clock.now()
    return [this.running.wants(now, waiting, others), this.starts.wants(now, waiting, others)]
  }

  has(): Amounts {
    return [this.running.has, this.starts.has]
  }

  forgetPeaks(): void {
    const now = this.#options.clock.now()
    for (const pool of [this.running, this.starts]) pool.forgetPeak(now)
  }

  /** Others may have changed the register meanwhile. */
  forgetSeen(): void {
    this.#seen = null
  }

  /** Brings the register and what we hold up to date with what is needed. Errors: those of the registers. */
  async look(demand: Demand): Promise<Settled> {
    const { registers, clock, entropy, source } = this.#options
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const isFresh = this.#seen === null
      const { rev, holders } = this.#seen ?? (await this.#read())
      const settled = this.#settle(holders, demand)
      this.#seen = { rev, holders }
      const isUnchanged = !this.#isNew(settled, holders)
      // What we remember may be out of date where it says that there is nothing for us.
      if (isUnchanged && (isFresh || !isHungry(settled.mine?.has ?? NOTHING, settled.mine?.wants ?? NOTHING)))
        return settled
      this.#seen = null
      if (isUnchanged) continue
      this.#lower(settled)
      const next = { text: JSON.stringify(settled.holders), operation: entropy.id(), removeAt: null }
      if (await registers.compareAndSet(this.#name, rev, next)) {
        this.#raise(settled)
        this.#seen = { rev: rev + 1, holders: settled.holders }
        return settled
      }
      await clock.sleep(entropy.random() * 10 * attempt)
    }
    throw new KckError('STORE_UNAVAILABLE', `Too many processes change the budget of the source ${source} at once`)
  }

  async #read(): Promise<{ readonly rev: number; readonly holders: readonly Holder[] }> {
    const register = await this.#options.registers.get(this.#name)
    return { rev: register?.rev ?? 0, holders: register === null ? [] : (JSON.parse(register.text) as Holder[]) }
  }

  #settle(holders: readonly Holder[], demand: Demand): Settled {
    const { clock, skewMs } = this.#options
    const now = clock.now()
    const terms = { id: this.#id, now, skewMs, wishMs: WISH_MS }
    const settled = settle(holders, {
      ...terms,
      sizes: [this.running.size, this.starts.size],
      uses: [this.running.used(now), this.starts.used(now)],
      wants: this.wants(demand.waiting, hungryOthers(holders, terms) > 0),
      leaseFor: (has) => this.#leaseFor(has, demand, now),
      isTurnOver: this.#turnEndsAt !== null && now >= this.#turnEndsAt,
    })
    this.running.limit = settled.shares[0]
    this.starts.limit = settled.shares[1]
    return settled
  }

  /** As long as what runs, or may begin before the next renewal; without permits to run, as long as starts count. */
  #leaseFor([running]: Amounts, { waiting, timeoutMs }: Demand, now: number): number {
    if (running > 0)
      return Math.max(this.#until, now + Math.max(this.#options.leaseMs, timeoutMs + SLACK_MS + 2 * RENEW_MS))
    const isNeeded = waiting > 0 || !this.running.isLimited
    return Math.max(this.starts.coldAt() ?? now, isNeeded ? now + WISH_MS : now)
  }

  #isNew({ mine, hasMoved }: Settled, holders: readonly Holder[]): boolean {
    const known = holders.find((holder) => holder.id === this.#id)
    if (!known || !mine) return Boolean(known ?? mine)
    const isSameAmounts = isSame(known.has, mine.has) && isSame(known.wants, mine.wants) && isSame(this.has(), mine.has)
    return !isSameAmounts || hasMoved || this.#until < mine.until - RENEW_MS
  }

  #lower({ mine }: Settled): void {
    this.running.has = Math.min(this.running.has, mine?.has[0] ?? 0)
    this.starts.has = Math.min(this.starts.has, mine?.has[1] ?? 0)
    this.#until = Math.min(this.#until, mine?.until ?? 0)
  }

  #raise({ mine, hasMoved }: Settled): void {
    const { clock, entropy } = this.#options
    this.running.has = mine?.has[0] ?? 0
    this.starts.has = mine?.has[1] ?? 0
    this.#until = mine?.until ?? 0
    const isOn = [this.running, this.starts].every((pool) => !pool.isLimited || pool.has > 0)
    if (!isOn) this.#turnEndsAt = null
    // Not all at the same moment.
    else if (hasMoved || this.#turnEndsAt === null)
      this.#turnEndsAt = clock.now() + TURN_MS * (0.75 + entropy.random() / 2)
  }
}

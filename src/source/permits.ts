import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import { Lease, type LeaseOptions } from './lease.ts'
import { isHungry, NOTHING, type Settled } from './shares.ts'
import { type Turn, WaitingLine } from './waiting-line.ts'

export interface PermitsOptions extends LeaseOptions {
  readonly maxWaitMs: number
}

/** The right to run one statement, or one transaction. */
export interface Permit {
  /** Throws `SOURCE_BUSY` when the lease no longer covers another statement: a transaction must not go on then. */
  check(): void
  /** The statement has ended in the database. */
  end(): void
  /** It has certainly ended after `ms`, unless `end` is called before. */
  endWithin(ms: number): void
}

/** Between two looks at the register, in milliseconds: of who is about to get something, and of who is further back. */
const NEXT_POLL_MS = 100
const POLL_PER_PROCESS_MS = 25
const LONGEST_POLL_MS = 1_000
/** Of who holds permits, while others wait for some and while nobody does. */
const SHARING_LEAST_MS = 50
const SHARING_MS = 250
const ALONE_MS = 500
const RETRY_AFTER_MS = 1_000

/** Gives out the permits of this process, and sees to it that it holds as many as it needs and may have. */
export class Permits {
  readonly #options: PermitsOptions
  readonly #lease: Lease
  readonly #line: WaitingLine
  readonly #closing = new AbortController()
  #isLeaving = false
  /** There is nothing for us at the moment; asking more often would not help. */
  #isHungry = false
  /** Other processes want more than they have. */
  #othersWait = false
  #loop: Promise<void> | null = null
  #isKicked = false
  #sleeper: AbortController | null = null
  #isCooling = false
  /** Who waits for a look at the register that begins after they asked. */
  #lookers: (() => void)[] = []

  constructor(options: PermitsOptions) {
    this.#options = options
    this.#lease = new Lease(options)
    this.#line = new WaitingLine(options.clock, options.maxWaitMs)
  }

  /** Errors: the signal's reason; `SOURCE_BUSY` after the longest wait, or when the registers cannot be asked. */
  async acquire(turn: Turn): Promise<Permit> {
    turn.signal?.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    if (this.#line.length === 0 && this.#lease.canStart(turn.timeoutMs)) this.#lease.take()
    else await this.#wait(turn)
    return this.#permit(turn)
  }

  /** Gives back all that is not in use. */
  async giveBack(): Promise<void> {
    if (this.#loop === null) return
    this.#lease.forgetPeaks()
    const looked = new Promise<void>((resolve) => this.#lookers.push(resolve))
    this.#kick()
    await looked
  }

  /** From now on nobody is admitted; what runs goes on. */
  close(): void {
    this.#closing.abort(new KckError('SOURCE_UNAVAILABLE', `The source ${this.#options.source} is closed`))
    this.#line.refuseAll(() => this.#closing.signal.reason)
  }

  /** Gives all back; what still runs, or cannot be told to the register, ends with the lease. */
  async leave(): Promise<void> {
    this.close()
    await this.giveBack()
    this.#isLeaving = true
    this.#sleeper?.abort()
    await this.#loop
  }

  async #wait(turn: Turn): Promise<void> {
    const { clock, source } = this.#options
    const since = clock.now()
    const waiting = this.#line.wait(turn, () => this.#busy())
    if (!this.#isHungry) this.#kick()
    const report = (outcome: 'waited' | 'refused') =>
      emit({ type: 'budget', source, outcome, waitedMs: clock.now() - since })
    try {
      await waiting
      report('waited')
    } catch (error) {
      report(turn.signal?.aborted ? 'waited' : 'refused')
      throw error
    }
  }

  #permit({ timeoutMs }: Turn): Permit {
    const { clock } = this.#options
    const ended = new AbortController()
    const end = () => {
      if (ended.signal.aborted) return
      ended.abort()
      this.#lease.running.release()
      this.#serve()
      // What is not needed here, or above our share, is waited for.
      const { has, limit } = this.#lease.running
      if (this.#othersWait && (has > limit || this.#line.length === 0)) this.#kick()
    }
    return {
      check: () => {
        if (!this.#lease.covers(timeoutMs)) throw this.#busy()
      },
      end,
      endWithin: (ms) => {
        clock.sleep(ms, AbortSignal.any([ended.signal, this.#closing.signal])).then(end, () => undefined)
      },
    }
  }

  /** Admits whoever can be admitted, and comes back when the next start is allowed. */
  #serve(): void {
    const { clock } = this.#options
    for (let first = this.#line.first(); first && this.#lease.canStart(first.timeoutMs); first = this.#line.first()) {
      this.#lease.take()
      first.admit()
    }
    const coolAt = this.#lease.starts.coolAt(clock.now())
    if (this.#line.length === 0 || coolAt === null || this.#isCooling) return
    this.#isCooling = true
    clock.sleep(coolAt - clock.now(), this.#closing.signal).then(
      () => {
        this.#isCooling = false
        this.#serve()
      },
      () => undefined,
    )
  }

  #kick(): void {
    this.#isKicked = true
    this.#sleeper?.abort()
    this.#loop ??= this.#upkeep()
  }

  async #upkeep(): Promise<void> {
    for (;;) {
      this.#isKicked = false
      const lookers = this.#lookers
      this.#lookers = []
      const pauseMs = await this.#look()
      const isDone = pauseMs === null || this.#isLeaving
      // In the same step as the decision, so that nobody can come in between and wait for a loop that has ended.
      if (isDone) this.#loop = null
      for (const done of isDone ? [...lookers, ...this.#lookers] : lookers) done()
      if (isDone) return
      await this.#pause(pauseMs)
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isKicked || ms === 0) return
    const { clock, entropy } = this.#options
    this.#sleeper = new AbortController()
    // Processes that wait for the same thing must not come at the same moment.
    await clock.sleep(ms * (0.8 + 0.4 * entropy.random()), this.#sleeper.signal).then(
      () => this.#lease.forgetSeen(),
      () => undefined,
    )
    this.#sleeper = null
  }

  /** Milliseconds until the next look; null: there is nothing to look after. */
  async #look(): Promise<number | null> {
    const timeoutMs = this.#line.first()?.timeoutMs ?? 0
    try {
      const settled = await this.#lease.look({ waiting: this.#line.length, timeoutMs })
      const { mine, hungry } = settled
      this.#othersWait = hungry > 0
      this.#isHungry = mine === null ? this.#line.length > 0 : isHungry(mine.has, mine.wants)
      this.#serve()
      return this.#pauseAfter(settled)
    } catch (error) {
      // Only what is already ours may be used: any share taken without asking could be too much in sum.
      this.#isHungry = false
      if (this.#lease.isUseless(timeoutMs)) this.#line.refuseAll(() => this.#busy(error))
      return this.#lease.isOver() && this.#line.length === 0 ? null : ALONE_MS
    }
  }

  #pauseAfter({ mine, shares, hungry, ahead }: Settled): number | null {
    const { clock } = this.#options
    const waiting = this.#line.length
    if (mine === null && waiting === 0) return null
    const has = mine?.has ?? NOTHING
    if (this.#isHungry) {
      const isNext = isHungry(has, shares)
      return isNext ? NEXT_POLL_MS : Math.min(LONGEST_POLL_MS, NEXT_POLL_MS + POLL_PER_PROCESS_MS * ahead)
    }
    // Serving some has shown that more can be used.
    if (waiting > 0 && isHungry(has, this.#lease.wants(waiting, hungry > 0))) return 0
    if (hungry === 0) return ALONE_MS
    const coolAt = this.#lease.starts.coolAt(clock.now()) ?? Number.POSITIVE_INFINITY
    return Math.max(SHARING_LEAST_MS, Math.min(SHARING_MS, coolAt - clock.now()))
  }

  #busy(cause?: unknown): KckError {
    const { source } = this.#options
    return new KckError('SOURCE_BUSY', `The source ${source} is used to its limit; try again shortly`, {
      cause,
      details: { source },
      retryAfterMs: RETRY_AFTER_MS,
    })
  }
}

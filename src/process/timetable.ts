import { emit } from '../events.ts'
import { changeRegister, type RegisterDeps } from './register.ts'
import { nextDue } from './schedule.ts'
import { finish, giveBack, type Job, renew, type TurnState, take } from './turn.ts'

export interface TimetableOptions {
  /** Milliseconds for which a turn lasts without being renewed: how long the job of a killed process waits. @default 30_000 */
  readonly leaseMs?: number
}

interface Place {
  readonly job: Job
  /** Milliseconds; nothing can be due before. */
  notBefore: number
  running: Promise<void> | null
}

const LOOK_AGAIN_MS = 1_000
const AFTER_FAULT_MS = 5_000
/** A job that was told to stop has this long to do so, before its turn is left to run out. */
const STOPPING_MS = 2_000

/** Runs jobs when they are due: each due time once, whatever the number of processes that have the same timetable. */
export class Timetable {
  readonly #deps: RegisterDeps
  readonly #places: readonly Place[]
  readonly #leaseMs: number

  constructor(deps: RegisterDeps, jobs: readonly Job[], options: TimetableOptions = {}) {
    this.#deps = deps
    this.#places = jobs.map((job) => ({ job, notBefore: Number.NEGATIVE_INFINITY, running: null }))
    this.#leaseMs = options.leaseMs ?? 30_000
  }

  /**
   * Starts what is due and not running here already, or of that only the job `only` and those named `<only>/...`.
   * Returns one promise per start; none ever rejects.
   */
  startDue(signal: AbortSignal, only?: string): readonly Promise<void>[] {
    const now = this.#deps.clock.now()
    return this.#places
      .filter(({ job, running, notBefore }) => !running && notBefore <= now && isNamed(job, only))
      .map((place) => {
        const running = this.#attempt(place, signal).finally(() => {
          place.running = null
        })
        place.running = running
        return running
      })
  }

  /** Milliseconds; before, there is nothing to start. */
  get quietUntil(): number {
    // A run that ends may leave another one due.
    if (this.#places.some((place) => place.running)) return this.#deps.clock.now() + LOOK_AGAIN_MS
    return Math.min(...this.#places.map((place) => place.notBefore))
  }

  async #attempt(place: Place, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    try {
      const run = await this.#take(place, signal)
      if (!run) return
      await this.#run(place.job, run, signal)
      place.notBefore = clock.now()
    } catch (error) {
      if (signal.aborted) return
      emit({ type: 'fault', where: `whether ${place.job.name} is due`, error })
      place.notBefore = clock.now() + AFTER_FAULT_MS
    }
  }

  async #take(place: Place, signal: AbortSignal): Promise<NonNullable<TurnState['run']> | null> {
    const { job } = place
    const token = this.#deps.entropy.id()
    let seen: TurnState | null = null
    const taken = await this.#change(
      job,
      (state, now) => {
        seen = state
        return take(state, job, now, { token, until: now + this.#leaseMs })
      },
      signal,
    )
    if (taken?.run) return taken.run
    const busyUntil = (seen as TurnState | null)?.run?.until
    place.notBefore = busyUntil ?? nextDue(job.due, this.#deps.clock.now()) ?? Number.POSITIVE_INFINITY
    return null
  }

  async #run(job: Job, run: NonNullable<TurnState['run']>, outer: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const startedAt = clock.now()
    const report = (outcome: 'started' | 'finished' | 'skipped' | 'failed', more: object = {}) => {
      if (!job.quiet || outcome === 'failed') emit({ type: 'process', name: job.name, outcome, ...more })
    }
    const lost = new AbortController()
    const ended = new AbortController()
    const signal = AbortSignal.any([outer, lost.signal])
    report('started')
    const keeping = this.#keep(job, run.token, lost, ended.signal)
    const outcome = await Promise.race([outcomeOf(job, { due: run.due, signal }), this.#ignored(signal, ended.signal)])
    ended.abort()
    await keeping
    const costMs = clock.now() - startedAt
    if ('done' in outcome) report('finished', { costMs })
    else report('failed', { costMs, error: outcome.error })
    // Its own turn, while it may still be at work, is left to run out.
    if (outcome === IGNORED || lost.signal.aborted) return
    const stopped = outer.aborted && !('done' in outcome)
    const left = await this.#change(job, (state, now) =>
      stopped ? giveBack(state, run.token) : finish(state, job, run.token, now),
    )
    if (left && !left.run && left.done > run.due) report('skipped')
  }

  /** Renews the turn until the run has ended; aborts `lost` when somebody else has it. */
  async #keep(job: Job, token: string, lost: AbortController, ended: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    for (let until = clock.now() + this.#leaseMs; !lost.signal.aborted; ) {
      try {
        await clock.sleep(this.#leaseMs / 3, ended)
        const kept = await this.#change(job, (state, now) => renew(state, token, now + this.#leaseMs), ended)
        until = kept?.run?.until ?? 0
      } catch (error) {
        if (ended.aborted) return
        emit({ type: 'fault', where: `keeping the turn of ${job.name}`, error })
      }
      // Perhaps nobody has taken it over yet, but by now anybody may.
      if (clock.now() >= until) lost.abort(new Error(`The turn of ${job.name} is another process's now`))
    }
  }

  /** Resolves some time after a job was told to stop and has not. */
  async #ignored(signal: AbortSignal, ended: AbortSignal): Promise<typeof IGNORED> {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    await this.#deps.clock.sleep(STOPPING_MS, ended).catch(() => undefined)
    return IGNORED
  }

  #change(job: Job, next: (state: TurnState | null, now: number) => TurnState | undefined, signal?: AbortSignal) {
    const { clock } = this.#deps
    return changeRegister<TurnState>(this.#deps, `schedule/${job.name}`, (state) => next(state, clock.now()), {
      ...(signal ? { signal } : {}),
    })
  }
}

function isNamed({ name }: Job, only: string | undefined): boolean {
  return only === undefined || name === only || name.startsWith(`${only}/`)
}

type Outcome = { readonly done: true } | { readonly error: unknown }

const IGNORED: Outcome = { error: new Error('It went on after it had been told to stop') }

async function outcomeOf(job: Job, run: Parameters<Job['run']>[0]): Promise<Outcome> {
  try {
    await job.run(run)
    return { done: true }
  } catch (error) {
    return { error }
  }
}

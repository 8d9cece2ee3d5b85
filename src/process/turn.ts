import { type Due, lastDue } from './schedule.ts'

/**
 * Whose turn it is to do a job, as a register holds it for all processes. Pure: `(state, now) -> state`. A due time is
 * done once, by whoever holds the turn; a turn that is not renewed ends, and the run is done again by somebody else.
 */
export interface TurnState {
  /** The newest due time that is done, or was left out. Milliseconds. */
  readonly done: number
  readonly run: { readonly due: number; readonly token: string; readonly until: number } | null
}

export interface Job {
  /** Unique: `primer/customer_orders`, `process/import_rates`, `sweep`. */
  readonly name: string
  readonly due: Due
  /** What becomes of times that pass while it runs: left out, or made up for by one more run. */
  readonly overlap: 'skip' | 'queue'
  /** It runs as soon as anybody knows of it, not only from its next time on. */
  readonly atOnce?: boolean
  /** Runs so often that nobody wants to hear of it. */
  readonly quiet?: boolean
  run(run: JobRun): Promise<void>
}

export interface JobRun {
  /** Milliseconds; the time for which it runs. The same when it is done again after its process died. */
  readonly due: number
  /** Aborts when the process stops, or another one has taken over. */
  readonly signal: AbortSignal
}

/** Takes the turn when something is due, or a dead process has left it undone. Missed times are made up for once. */
export function take(
  state: TurnState | null,
  job: Job,
  now: number,
  lease: { readonly token: string; readonly until: number },
): TurnState | undefined {
  const due = lastDue(job.due, now)
  // Nothing was missed before anybody knew of it.
  if (!state) return { done: due ?? now, run: job.atOnce ? { ...lease, due: now } : null }
  if (state.run) return now < state.run.until ? undefined : { ...state, run: { ...lease, due: state.run.due } }
  return due === null || due <= state.done ? undefined : { ...state, run: { ...lease, due } }
}

export function renew(state: TurnState | null, token: string, until: number): TurnState | undefined {
  if (state?.run?.token !== token) return undefined
  return { ...state, run: { ...state.run, until } }
}

/** The run is over, well or not; the next one is due at its next time. */
export function finish(state: TurnState | null, job: Job, token: string, now: number): TurnState | undefined {
  if (state?.run?.token !== token) return undefined
  const { due } = state.run
  return { done: job.overlap === 'skip' ? Math.max(due, lastDue(job.due, now) ?? due) : due, run: null }
}

/** The process stops in the middle: somebody else is to do it, at once. */
export function giveBack(state: TurnState | null, token: string): TurnState | undefined {
  if (state?.run?.token !== token) return undefined
  return { ...state, run: { ...state.run, until: 0 } }
}

import type { EntryRow } from '../entry/entry.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { KckError } from '../errors.ts'
import type { KckOptions } from '../kck/options.ts'
import { ENDED, untilAborted } from '../kck/scope.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { QueryPriority } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey } from '../primer/registry.ts'
import { type Newest, Recorder } from './recorder.ts'

/** One run of a primer, as it is handed to what computes. */
export interface ComputeRun {
  readonly recorder: Recorder
  /** Aborts when the primer's time is over, the lease is lost, or nobody waits any more. */
  readonly signal: AbortSignal
  /** Milliseconds; when the lease was taken. */
  readonly now: number
  /** Nobody keeps the result, so it may be made of whatever can be had. */
  readonly isUnstored?: boolean
  /** Whether somebody waits: who does goes first where a source has no room for all. */
  readonly priority: QueryPriority
}

/** How a compute is to run. */
export interface RunOptions extends Pick<ComputeRun, 'signal' | 'priority'> {
  /** Nothing that it reads may rest on less than this. */
  readonly newest?: Newest | undefined
}

export interface Computed {
  readonly recorder: Recorder
  readonly valueJson: string
  readonly asOf: number
  readonly costMs: number
}

export interface RunDeps {
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly options: KckOptions
  /** Computes the value of a key, recording what it reads. */
  readonly compute: (product: ProductKey, run: ComputeRun) => Promise<unknown>
  /** Computes inputs of a product anew, because what they rest on is newer than they are. */
  readonly renewInputs: (product: ProductKey, behind: Behind, signal: AbortSignal) => Promise<void>
}

export interface Behind {
  readonly nodes: readonly string[]
  readonly newest: Newest
}

/** A mix of old and new means a change is on its way just now; more than this it is left to that change. */
const CONSISTENT_TRIES = 3

/**
 * Computes until everything read rests on the same versions of what lies further up. Inputs that are behind are made
 * anew between the tries, although nobody has marked them yet.
 */
export async function runConsistently(
  deps: RunDeps,
  product: ProductKey,
  row: EntryRow,
  options: RunOptions,
): Promise<Computed> {
  for (let tries = 1; ; tries++) {
    const run = await runCompute(deps, product, row, options)
    const { outdated, newest } = run.recorder
    if (outdated.length === 0 || tries === CONSISTENT_TRIES) return run
    await deps.renewInputs(product, { nodes: outdated, newest }, options.signal)
  }
}

/**
 * Computes the value of a key within the primer's time and turns it into JSON. A compute that ignores its signal is
 * left behind: its result is dropped. Throws what the primer threw, `DEADLINE_EXCEEDED` or `UNSTORABLE`.
 */
async function runCompute(deps: RunDeps, product: ProductKey, row: EntryRow, run: RunOptions): Promise<Computed> {
  const { clock, store, entropy, options } = deps
  const recorder = new Recorder(product.text, row.value, { lineage: store.lineage, entropy, newest: run.newest })
  const startedAt = clock.now()
  const asOf = row.lease?.since ?? startedAt
  const limit = timeLimit(clock, product.primer.timeoutMs ?? options.computeTimeoutMs)
  const signal = AbortSignal.any([run.signal, limit.signal])
  try {
    const work = async () => deps.compute(product, { recorder, signal, now: asOf, priority: run.priority })
    const valueJson = JSON.stringify(toJsonForm(await untilAborted(work(), signal)))
    if (Buffer.byteLength(valueJson) > options.maxValueBytes) {
      throw new KckError('UNSTORABLE', `The computed value is larger than ${options.maxValueBytes} bytes`)
    }
    return { recorder, valueJson, asOf, costMs: clock.now() - startedAt }
  } finally {
    limit.end()
  }
}

function timeLimit(clock: Clock, ms: number): { readonly signal: AbortSignal; end(): void } {
  const passed = new AbortController()
  const timer = new AbortController()
  clock.sleep(ms, timer.signal).then(
    () => passed.abort(new KckError('DEADLINE_EXCEEDED', `The primer took longer than ${ms} ms`)),
    () => undefined,
  )
  return { signal: passed.signal, end: () => timer.abort(ENDED) }
}

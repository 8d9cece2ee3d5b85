import { emit } from '../events.ts'
import { ENDED, openScope, untilAborted } from '../kck/scope.ts'
import type { Clock, Entropy } from '../ports/clock.ts'

export interface FollowOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly name: string
  /** Milliseconds between two looks at the log. */
  readonly everyMs: number
  /** Milliseconds within which a look, and what it leads to, ends. */
  readonly deadlineMs: number
  /** Milliseconds; the longest wait after failures. */
  readonly longestWaitMs: number
  readonly update: (signal: AbortSignal) => Promise<number>
  readonly updateId: () => number
}

/** Updates again and again until the returned function is called, which resolves when the last update has ended. */
export function follow(options: FollowOptions): () => Promise<void> {
  const stop = new AbortController()
  const running = run(options, stop.signal)
  return () => {
    stop.abort(ENDED)
    return running
  }
}

async function run(options: FollowOptions, stop: AbortSignal): Promise<void> {
  const { clock, entropy, everyMs, longestWaitMs } = options
  let failures = 0
  while (!stop.aborted) {
    failures = (await updated(options, stop)) ? 0 : failures + 1
    const wait = failures === 0 ? everyMs : Math.min(longestWaitMs, everyMs * 2 ** failures)
    // Not all processes at the same time.
    await clock.sleep(wait * (0.75 + entropy.random() / 2), stop).catch(() => undefined)
  }
}

async function updated(options: FollowOptions, stop: AbortSignal): Promise<boolean> {
  const { clock, name, deadlineMs } = options
  const scope = openScope(clock, clock.now() + deadlineMs, stop)
  try {
    await untilAborted(options.update(scope.signal), scope.signal)
    return true
  } catch (error) {
    if (!stop.aborted) emit({ type: 'replica', name, outcome: 'failed', id: idOrZero(options), error })
    return false
  } finally {
    scope.end()
  }
}

/** The file itself may be what failed. */
function idOrZero({ updateId }: FollowOptions): number {
  try {
    return updateId()
  } catch {
    return 0
  }
}

import type { Kck } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import { RefreshWorker } from '../refresh/worker.ts'

/** What goes on in a process beside answering requests. */
export interface Working {
  /** Resolves when what was begun is finished; what was only taken has gone back to the queue. */
  stop(): Promise<void>
}

/** Works on refresh requests in this process until `stop`. */
export function startWorking(parts: {
  readonly kck: Kck
  readonly queue: RefreshQueue
  readonly clock: Clock
}): Working {
  const { kck, queue, clock } = parts
  const stopping = new AbortController()
  const running = new RefreshWorker({ queue, clock, work: kck.work }).run(stopping.signal)
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

import { RefreshWorker } from '../refresh/worker.ts'
import type { Runtime } from './runtime.ts'

/** What goes on in a process beside answering requests. */
export interface Working {
  /** Resolves when what was begun is finished; what was only taken has gone back to the queue. */
  stop(): Promise<void>
}

/** Works on refresh requests, cached writes, schedules and the sweep in this process until `stop`. */
export async function startWorking(runtime: Runtime): Promise<Working> {
  const { kck, queue, clock } = runtime
  const stopping = new AbortController()
  const processes = await runtime.openProcesses()
  const refreshes = new RefreshWorker({ queue, clock, work: kck.work })
  const running = Promise.all([
    refreshes.run(stopping.signal),
    processes.run(stopping.signal),
    kck.writes.worker.run(stopping.signal),
  ])
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

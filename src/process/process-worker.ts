import { emit } from '../events.ts'
import { watchJobs } from '../watch/watch-job.ts'
import { bootJob, deploymentOf } from './boot.ts'
import type { Process } from './define-process.ts'
import type { ProcessDeps } from './deps.ts'
import { warmJobs } from './keep-warm.ts'
import { processJob } from './process-job.ts'
import { sweep } from './sweep.ts'
import { Timetable, type TimetableOptions } from './timetable.ts'
import type { Job } from './turn.ts'

export interface ProcessWorkerOptions extends TimetableOptions {
  /** The user's own. @default [] */
  readonly processes?: readonly Process[]
  /** What the deployment itself has done at times. @default [] */
  readonly jobs?: readonly Job[]
  /** Names what runs now; another name than before makes it a new deployment. Default: from the primers' revisions. */
  readonly deployment?: string
  /** Milliseconds between two sweeps. @default 30_000 */
  readonly sweepMs?: number
}

export interface ProcessWorker {
  /**
   * Does everything that is due now, or of that only the job of one name or of the names below it (`boot`), and resolves
   * when it is done. Never rejects; faults are events.
   */
  tick(signal: AbortSignal, only?: string): Promise<void>
  /** Goes on until the signal aborts; resolves when what was begun has stopped. */
  run(signal: AbortSignal): Promise<void>
}

const AT_LEAST_MS = 1_000
const AT_MOST_MS = 60_000

/**
 * What runs by itself: the schedules of primers, the user's processes, what a new deployment begins with, and the
 * sweep. Any number of processes may run one. Asks no source for anything unless something is due.
 */
export function createProcessWorker(deps: ProcessDeps, options: ProcessWorkerOptions = {}): ProcessWorker {
  const { processes = [], jobs: own = [], deployment = deploymentOf(deps.kck.registry), ...timing } = options
  let made: Timetable | null = null
  let stays = false

  const start = async (signal: AbortSignal, only?: string): Promise<readonly Promise<void>[]> => {
    try {
      if (!made) {
        const jobs = [await bootJob(deps, deployment), ...jobsOf(deps, processes, timing)]
        made = new Timetable(deps, [...jobs, ...own, ...watchJobs(deps, () => stays)], timing)
      }
      return made.startDue(signal, only)
    } catch (error) {
      if (!signal.aborted) emit({ type: 'fault', where: 'starting the process worker', error })
      return []
    }
  }

  return {
    tick: async (signal, only) => {
      await Promise.all(await start(signal, only))
    },
    run: async (signal) => {
      stays = true
      const running = new Set<Promise<void>>()
      while (!signal.aborted) {
        for (const job of await start(signal)) {
          running.add(job)
          void job.then(() => running.delete(job))
        }
        const quietMs = (made?.quietUntil ?? 0) - deps.clock.now()
        await deps.clock.sleep(Math.min(AT_MOST_MS, Math.max(AT_LEAST_MS, quietMs)), signal).catch(() => undefined)
      }
      await Promise.all(running)
    },
  }
}

function jobsOf(deps: ProcessDeps, processes: readonly Process[], { sweepMs = 30_000 }: ProcessWorkerOptions): Job[] {
  const { kck, store, queue, clock, entropy } = deps
  const swept = { registry: kck.registry, store, queue, clock, entropy, resume: kck.work.resume }
  return [
    ...warmJobs(deps),
    ...processes.map((process) => processJob(deps, process)),
    {
      name: 'sweep',
      due: { everyMs: sweepMs, cron: null, timeZone: null },
      overlap: 'skip',
      quiet: true,
      run: async ({ signal }) => {
        await sweep(swept, signal)
      },
    },
  ]
}

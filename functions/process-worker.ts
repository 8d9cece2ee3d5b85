import { beforeFreeze } from './before-freeze.ts'
import { measureQueue, writeMetrics } from './metrics.ts'
import { runtime } from './runtime.ts'
import { createTickHandler, type Processes } from './tick-handler.ts'

let opening: Promise<Processes> | undefined

/** Once per cold start; a start that failed is tried again by the next event. */
function processes(): Promise<Processes> {
  opening ??= open().catch((error: unknown) => {
    opening = undefined
    throw error
  })
  return opening
}

async function open(): Promise<Processes> {
  const { openProcesses, clock, kck } = await runtime()
  const processes = await openProcesses()
  const tick = async (signal: AbortSignal) => {
    await Promise.all([processes.tick(signal), kck.writes.worker.drain(signal)])
  }
  return { worker: { tick }, clock }
}

processes().catch(() => {})

/** Runs what is due: schedules, processes, cached writes, what a new deployment begins with, and the sweep. */
export const handler = createTickHandler(processes)
  .use(writeMetrics)
  .use(measureQueue(async () => (await runtime()).queue))
  .use(beforeFreeze(runtime))

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
  const { openProcesses, clock } = await runtime()
  return { worker: await openProcesses(), clock }
}

processes().catch(() => {})

/** Runs what is due: schedules, processes, what a new deployment begins with, and the sweep. */
export const handler = createTickHandler(processes)
  .use(writeMetrics)
  .use(measureQueue(async () => (await runtime()).queue))
  .use(beforeFreeze(runtime))

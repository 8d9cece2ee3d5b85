import { systemClock } from '../src/adapters/system/clock.ts'
import { beforeFreeze } from './before-freeze.ts'
import { respond } from './cloudformation.ts'
import { createDeployHandler } from './deploy-handler.ts'
import { writeMetrics } from './metrics.ts'
import { runtime } from './runtime.ts'

async function system() {
  const { kck, openProcesses } = await runtime()
  return { kck, worker: await openProcesses() }
}

/** Runs once in every deployment, when all else is there. */
export const handler = createDeployHandler({
  system,
  prepare: async () => {},
  respond,
  clock: systemClock,
})
  .use(writeMetrics)
  .use(beforeFreeze(runtime))

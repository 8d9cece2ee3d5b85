import { beforeFreeze } from './before-freeze.ts'
import { createHttpHandler } from './http-handler.ts'
import { writeMetrics } from './metrics.ts'
import { runtime } from './runtime.ts'

runtime().catch(() => {})

/** `PUT` and `POST /update/{updater}`: a function of its own, since it alone needs the right to write to the source. */
export const handler = createHttpHandler(async () => (await runtime()).edge)
  .use(writeMetrics)
  .use(beforeFreeze(runtime))

import { beforeFreeze } from './before-freeze.ts'
import { createHttpHandler } from './http-handler.ts'
import { writeMetrics } from './metrics.ts'
import { runtime } from './runtime.ts'

// Begun while Lambda still initialises, when there is more CPU; the first request waits for the rest and hears of errors.
const system = () => runtime({ console: true })
system().catch(() => {})

/** `GET` and `POST /fetch`, `DELETE /fetch/{key}`, `POST /refresh/{key}`, `/openapi.json`, `/healthz`, the console. */
export const handler = createHttpHandler(async () => (await system()).edge)
  .use(writeMetrics)
  .use(beforeFreeze(system))

import { beforeFreeze } from './before-freeze.ts'
import { createChangeHandler } from './change-handler.ts'
import { writeMetrics } from './metrics.ts'
import { runtime } from './runtime.ts'

runtime().catch(() => {})

/** Changes that other systems announce through a queue or a bus. */
export const handler = createChangeHandler(runtime).use(writeMetrics).use(beforeFreeze(runtime))

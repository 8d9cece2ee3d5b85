import { createBatchHandler } from './batch-handler.ts'
import { beforeFreeze } from './before-freeze.ts'
import { writeMetrics } from './metrics.ts'
import { sqsRuntime } from './runtime.ts'

// Begun while Lambda still initialises; the first batch waits for the rest and hears of errors.
sqsRuntime().catch(() => {})

/** Refreshes what the messages of the three lanes ask for. */
export const handler = createBatchHandler(sqsRuntime).use(writeMetrics).use(beforeFreeze(sqsRuntime))

import { loadConfig } from '../src/config/load.ts'
import { createRuntime, type Runtime } from '../src/local/runtime.ts'
import { logRequest } from './log.ts'

let running: Promise<Runtime> | undefined

/**
 * The system, once per cold start: `kck.config.ts` and the primers of the function's own folder, and the function's
 * environment above them. A start that failed is tried again by the next request.
 */
export function runtime(): Promise<Runtime> {
  running ??= start().catch((error: unknown) => {
    running = undefined
    throw error
  })
  return running
}

async function start(): Promise<Runtime> {
  const folder = process.env['LAMBDA_TASK_ROOT'] ?? process.cwd()
  return createRuntime(await loadConfig(folder), { log: logRequest })
}

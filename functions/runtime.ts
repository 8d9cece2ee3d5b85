import { join } from 'node:path'
import type { SqsRefreshQueue } from '../src/adapters/sqs/refresh-queue.ts'
import { loadConfig } from '../src/config/load.ts'
import { resolveConfig } from '../src/config/resolve.ts'
import { KckError } from '../src/errors.ts'
import { subscribe } from '../src/events.ts'
import { createRuntime, type Runtime } from '../src/local/runtime.ts'
import { MAX_ANSWER_BYTES } from './http-event.ts'
import { logEvent, logRequest } from './log.ts'
import { project } from './project.ts'

subscribe(logEvent)

let running: Promise<Runtime> | undefined

/**
 * The system, once per cold start: `kck.config.ts` and the primers that are bundled with it, and the function's
 * environment above them. A start that failed is tried again by the next request. `console`: this function serves it.
 */
export function runtime({ console = false }: { readonly console?: boolean } = {}): Promise<Runtime> {
  running ??= start(console).catch((error: unknown) => {
    running = undefined
    throw error
  })
  return running
}

/** The same for a function that Lambda hands messages of SQS to. */
export async function sqsRuntime(): Promise<Runtime & { readonly queue: SqsRefreshQueue }> {
  const started = await runtime()
  if (started.config.queue.kind !== 'sqs') {
    throw new KckError('INVALID_CONFIG', 'Set KCK_QUEUE_HOT_URL, KCK_QUEUE_NORMAL_URL and KCK_QUEUE_IDLE_URL')
  }
  return { ...started, queue: started.queue as SqsRefreshQueue }
}

async function start(console: boolean): Promise<Runtime> {
  const folder = process.env['LAMBDA_TASK_ROOT'] ?? process.cwd()
  const options = {
    log: logRequest,
    answerBytes: MAX_ANSWER_BYTES,
    ...(console ? { consoleFolder: join(folder, 'console') } : {}),
  }
  if (project === null) return createRuntime(await loadConfig(folder), options)
  const config = resolveConfig(project.settings, { folder, environment: process.env })
  return createRuntime(config, { ...options, project })
}

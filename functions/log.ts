import type { KckEvent } from '../src/events.ts'
import { formatRequestLog, type RequestLogEntry } from '../src/http/request-log.ts'

/** One line per request, where CloudWatch reads it. */
export function logRequest(entry: RequestLogEntry): void {
  process.stdout.write(`${formatRequestLog(entry)}\n`)
}

/** One line for each thing that failed and that no caller hears of. */
export function logFault(event: KckEvent): void {
  if (event.type !== 'fault') return
  const { where, key, code, error } = event
  const { name, message } = error instanceof Error ? error : { name: typeof error, message: '' }
  process.stdout.write(
    `${JSON.stringify({ level: 'error', type: 'fault', where, key, code, error: { name, message } })}\n`,
  )
}

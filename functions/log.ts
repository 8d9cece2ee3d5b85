import type { KckEvent } from '../src/events.ts'
import { formatRequestLog, type RequestLogEntry } from '../src/http/request-log.ts'
import { eventLine } from '../src/log/event-line.ts'

/** One line per request, where CloudWatch reads it. */
export function logRequest(entry: RequestLogEntry): void {
  process.stdout.write(`${formatRequestLog(entry)}\n`)
}

/** One line for what no request's line tells: faults, failed computes, what became of messages and processes. */
export function logEvent(event: KckEvent): void {
  const line = eventLine(event, Date.now())
  if (line !== null) process.stdout.write(`${line}\n`)
}

import { formatRequestLog, type RequestLogEntry } from '../src/http/request-log.ts'

/** One line per request, where CloudWatch reads it. */
export function logRequest(entry: RequestLogEntry): void {
  process.stdout.write(`${formatRequestLog(entry)}\n`)
}

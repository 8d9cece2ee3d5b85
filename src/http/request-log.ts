import { logLine } from '../log/line.ts'
import type { LogLevel } from './problem.ts'

/** One request as the log keeps it: one line. It holds neither a header, nor a query, nor a body, hence no token. */
export interface RequestLogEntry {
  readonly level: LogLevel
  /** Milliseconds since 1970; when the answer was ready. */
  readonly time: number
  readonly requestId: string
  readonly method: string
  /** Still percent-encoded, at most 256 characters. */
  readonly path: string
  readonly status: number
  readonly ms: number
  readonly bytes: number
  readonly key?: string
  readonly code?: string
  /** For 5xx: what the operator needs and the caller did not see. */
  readonly error?: unknown
}

const longestPath = 256

export function formatRequestLog(entry: RequestLogEntry): string {
  return logLine({ ...entry, path: entry.path.slice(0, longestPath) })
}

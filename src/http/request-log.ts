import { KckError } from '../errors.ts'
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

/** As one line of JSON in plain ASCII: no control, no bidirectional mark, no line separator of any kind survives. */
export function formatRequestLog(entry: RequestLogEntry): string {
  const { error, ...rest } = entry
  const line = {
    ...rest,
    time: new Date(entry.time).toISOString(),
    path: entry.path.slice(0, longestPath),
    ...(error === undefined ? {} : { error: describe(error) }),
  }
  return JSON.stringify(line).replaceAll(/[^\x20-\x7e]/g, escapeCharacter)
}

function escapeCharacter(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('')
}

/** An error and its causes. A `KckError` by its code; a foreign one by its stack, which names the place to look at. */
function describe(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error
  const own = error instanceof KckError ? { code: error.code, message: error.message } : foreign(error)
  return error.cause === undefined || depth >= 4 ? own : { ...own, cause: describe(error.cause, depth + 1) }
}

function foreign(error: Error): Record<string, unknown> {
  return { name: error.name, message: redact(error.message), stack: redact(error.stack ?? '').slice(0, 4096) }
}

/** Anything that looks like a bearer token or a password in a connection string. */
function redact(text: string): string {
  return text
    .replaceAll(/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, '[token]')
    .replaceAll(/\bbearer\s+\S+/gi, 'Bearer [token]')
    .replaceAll(/(:\/\/[^\s/:@]*:)[^\s@/]+@/g, '$1[password]@')
    .replaceAll(
      /\b(password|secret|token|authorization)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&}]+)/gi,
      '$1$2[redacted]',
    )
}

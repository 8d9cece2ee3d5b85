import { KckError } from '../errors.ts'

export interface LogFields {
  readonly level: 'info' | 'warn' | 'error'
  /** Milliseconds since 1970. */
  readonly time: number
  readonly error?: unknown
  readonly [name: string]: unknown
}

/** As one line of JSON in plain ASCII: no control, no bidirectional mark, no line separator of any kind survives. */
export function logLine({ error, ...rest }: LogFields): string {
  const line = {
    ...rest,
    time: new Date(rest.time).toISOString(),
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

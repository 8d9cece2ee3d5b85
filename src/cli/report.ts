import { KckError } from '../errors.ts'

/** An error for whoever typed the command: also its causes, which a caller over HTTP never sees. */
export function errorText(error: unknown): string {
  if (error instanceof KckError) return `${error.message} (${error.code})${because(error.cause)}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function because(cause: unknown): string {
  return cause instanceof Error ? `\n  because: ${cause.message}${because(cause.cause)}` : ''
}

/** The same for programs, in the form that is promised: `{ code, message, details }`. */
export function errorJson(error: unknown): object {
  if (!(error instanceof KckError)) return { code: 'INTERNAL', message: 'Something went wrong inside KCK', details: {} }
  const { code, message, details } = error
  return { code, message, details }
}

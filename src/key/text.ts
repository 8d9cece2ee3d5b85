import { KckError } from '../errors.ts'

/** Bytes of UTF-8 that one parameter of a key may have. */
const MAX_PARAMETER_BYTES = 1024

// C0, DEL and C1 controls; byte order mark; marks that change the direction of text. They are invisible, break log
// lines and headers, and make two keys look alike.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\ufeff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

/** What keeps `text` from being a parameter of a key, as the end of a sentence; null when nothing does. */
export function keyTextFault(text: string): string | null {
  if (!text.isWellFormed()) return 'holds half of a surrogate pair, which is not text'
  const forbidden = FORBIDDEN.exec(text)?.[0]
  if (forbidden !== undefined) {
    const code = (forbidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    return `holds the invisible character U+${code}, which keys may not`
  }
  if (text.length > MAX_PARAMETER_BYTES / 3 && Buffer.byteLength(text) > MAX_PARAMETER_BYTES) {
    return `is longer than ${MAX_PARAMETER_BYTES} bytes`
  }
  return null
}

/** The error of a parameter type; whoever knows the parameter's name adds it (`namedParameterError`). */
export function badParameter(rule: string, details: Readonly<Record<string, unknown>> = {}): KckError {
  return new KckError('BAD_PARAMETER', rule, { details })
}

/** The same error with the parameter's name in its message and in `details.parameter`. */
export function namedParameterError(name: string, thrown: unknown): unknown {
  if (!(thrown instanceof KckError) || thrown.code !== 'BAD_PARAMETER') return thrown
  return new KckError('BAD_PARAMETER', `Parameter "${name}" ${thrown.message}`, {
    details: { ...thrown.details, parameter: name },
    cause: thrown,
  })
}

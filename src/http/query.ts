import { KckError } from '../errors.ts'

/** Names that mean something on some route; any other is the caller's own business. */
const known = new Set(['max_age', 'max_stale', 'min_fresh', 'only_if_cached', 'no_cache', 'purge'])

/**
 * The named parameters of a query (default: those of a fetch), decoded once. Throws `BAD_REQUEST` when one is repeated, has brackets
 * (`max_age[]`) or is badly encoded, since a caller that states a bound must never get an answer without it.
 */
export function parseQuery(rawQuery: string, names: ReadonlySet<string> = known): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  if (rawQuery === '') return values
  for (const part of rawQuery.split('&')) {
    const equals = part.indexOf('=')
    const name = decode(equals < 0 ? part : part.slice(0, equals))
    const base = name?.replace(/[[.].*$/s, '') ?? ''
    if (!names.has(base)) continue
    const value = equals < 0 ? '' : decode(part.slice(equals + 1))
    if (name !== base || value === null || values.has(base)) {
      throw new KckError('BAD_REQUEST', `Give ${base} once, as ${base}=value`, { details: { parameter: base } })
    }
    values.set(base, value)
  }
  return values
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return null
  }
}

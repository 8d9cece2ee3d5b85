import { KckError } from '../errors.ts'
import type { FetchRequest } from '../kck/kck.ts'

/** What a caller may ask of an answer's age; a part of `FetchRequest`. */
export type Directives = Pick<FetchRequest, 'maxAgeMs' | 'maxStaleMs' | 'minFreshMs' | 'onlyIfCached' | 'noCache'>

type Mutable = { -readonly [K in keyof Directives]: Directives[K] }

/** How each directive is written: with seconds, with or without them, or as a bare word. */
const apply: Readonly<Record<string, (into: Mutable, value: string | undefined, name: string) => void>> = {
  'max-age': (into, value, name) => {
    into.maxAgeMs = seconds(name, value)
  },
  'max-stale': (into, value, name) => {
    into.maxStaleMs = value === undefined ? Number.POSITIVE_INFINITY : seconds(name, value)
  },
  'min-fresh': (into, value, name) => {
    into.minFreshMs = seconds(name, value)
  },
  'only-if-cached': (into, value, name) => {
    into.onlyIfCached = flag(name, value)
  },
  'no-cache': (into, value, name) => {
    into.noCache = flag(name, value)
  },
}

/** RFC 9111, 1.2.2: a larger number of seconds means this one. */
const mostSeconds = 2 ** 31

function seconds(name: string, value: string | undefined): number {
  const digits = /^"?(\d+)"?$/.exec(value ?? '')?.[1]
  if (digits === undefined) {
    throw new KckError('BAD_REQUEST', `${name} takes a whole number of seconds`, { details: { directive: name } })
  }
  return Math.min(Number(digits), mostSeconds) * 1000
}

function flag(name: string, value: string | undefined): true {
  if (value !== undefined) {
    throw new KckError('BAD_REQUEST', `${name} takes no value`, { details: { directive: name } })
  }
  return true
}

/** One member of the list: a token, and after `=` a token or a quoted string. */
const member = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;=]*))?$/

/**
 * The directives of a request's `Cache-Control` that say something about age. Others (`no-store`, `no-transform`,
 * extensions) are none of a shared cache's business and are passed over. Throws `BAD_REQUEST` for a value that cannot be
 * understood, and for a directive that contradicts itself.
 */
export function parseCacheControl(header: string | undefined): Directives {
  const directives: Mutable = {}
  const seen = new Set<string>()
  for (const part of splitList(header ?? '')) {
    const match = member.exec(part)
    if (match === null) throw new KckError('BAD_REQUEST', 'Cache-Control cannot be understood')
    const name = (match[1] ?? '').toLowerCase()
    if (!Object.hasOwn(apply, name)) continue
    if (seen.has(name))
      throw new KckError('BAD_REQUEST', `Cache-Control says ${name} twice`, { details: { directive: name } })
    seen.add(name)
    apply[name]?.(directives, match[2], name)
  }
  return directives
}

/** Splits at commas that stand outside quotes; empty members are allowed (RFC 9110, 5.6.1). */
function splitList(text: string): string[] {
  const parts = text.includes('"') ? (text.match(/(?:"(?:[^"\\]|\\.)*"?|[^,"])+/g) ?? []) : text.split(',')
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

/** The query names that say the same as a directive. */
const queryNames: Readonly<Record<string, string>> = {
  max_age: 'max-age',
  max_stale: 'max-stale',
  min_fresh: 'min-fresh',
  only_if_cached: 'only-if-cached',
  no_cache: 'no-cache',
}

const flags = new Set(['only-if-cached', 'no-cache'])
/** How a query says what a directive says by standing there without a value, and by not standing there. */
const bare = new Set(['', '1', 'true'])
const off = new Set(['0', 'false'])

/** The directives of a query; each stands above the same one in the header. Unknown names are passed over. */
export function queryDirectives(query: ReadonlyMap<string, string>): Directives {
  const directives: Mutable = {}
  for (const [name, value] of query) {
    const directive = Object.hasOwn(queryNames, name) ? (queryNames[name] ?? '') : ''
    const isFlag = flags.has(directive)
    if (isFlag && off.has(value)) continue
    const withoutValue = isFlag ? bare.has(value) : directive === 'max-stale' && value === ''
    apply[directive]?.(directives, withoutValue ? undefined : value, name)
  }
  return directives
}

import { nearest } from '../text/nearest.ts'

/** One thing wrong with the settings. `setting` is its path (`store.kind`), followed by where it was given if not in the file. */
export interface Problem {
  readonly setting: string
  readonly message: string
}

/**
 * Reads one setting: returns it in the program's form, or notes a problem. What it returns after a problem is never
 * used, since settings with any problem are refused.
 */
export type Reader<T> = (value: unknown, at: string, problems: Problem[]) => T

/** What `check` makes of the value; undefined: it is refused, and `wanted` completes "must be ...". */
export function parsed<T>(wanted: string, check: (value: unknown) => T | undefined): Reader<T> {
  return (value, at, problems) => {
    const result = check(value)
    if (result === undefined) problems.push({ setting: at, message: `must be ${wanted}; ${found(value)}` })
    return result as T
  }
}

/** The same for a value that no message may repeat. */
export function secretOf<T>(wanted: string, check: (value: unknown) => T | undefined): Reader<T> {
  return (value, at, problems) => {
    const result = check(value)
    if (result === undefined) problems.push({ setting: at, message: `must be ${wanted}` })
    return result as T
  }
}

export function optional<T, const D>(reader: Reader<T>, fallback: D): Reader<T | D> {
  return (value, at, problems) => (value === undefined ? fallback : reader(value, at, problems))
}

export function required<T>(reader: Reader<T>, hint: string): Reader<T> {
  return (value, at, problems) => {
    if (value !== undefined) return reader(value, at, problems)
    problems.push({ setting: at, message: `is missing: ${hint}` })
    return undefined as T
  }
}

export type Fields = Readonly<Record<string, Reader<unknown>>>
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Reader<infer T> ? T : never }

/** An object with these fields and no others. */
export function object<F extends Fields>(fields: F): Reader<ValuesOf<F>> {
  const names = Object.keys(fields)
  return (value, at, problems) => {
    const given = plainObject(value)
    if (given === undefined) {
      problems.push({ setting: at, message: `must be an object; ${found(value)}` })
      return {} as ValuesOf<F>
    }
    for (const name of Object.keys(given)) {
      if (!names.includes(name)) problems.push({ setting: join(at, name), message: unknownName(name, names) })
    }
    return Object.fromEntries(
      names.map((name) => [name, fields[name]?.(given[name], join(at, name), problems)]),
    ) as ValuesOf<F>
  }
}

/** One of several objects, told apart by `kind`. */
export function union<R extends Fields>(kinds: R): Reader<ValuesOf<R>[keyof R]> {
  const names = Object.keys(kinds)
  return (value, at, problems) => {
    const kind = plainObject(value)?.['kind']
    const reader = names.includes(kind as string) ? kinds[kind as string] : undefined
    if (reader !== undefined) return reader(value, at, problems) as ValuesOf<R>[keyof R]
    const setting = plainObject(value) === undefined ? at : join(at, 'kind')
    const message =
      setting === at
        ? `must be an object such as { kind: '${names[0]}' }; ${found(value)}`
        : `must be ${oneOf(names)}; ${found(kind)}${suggestion(kind, names)}`
    problems.push({ setting, message })
    return undefined as ValuesOf<R>[keyof R]
  }
}

export function plainObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Readonly<Record<string, unknown>>) : undefined
}

const join = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`)

export function oneOf(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}

function unknownName(name: string, names: readonly string[]): string {
  return `is not a setting${suggestion(name, names) || `; here are ${names.join(', ')}`}`
}

export function suggestion(name: unknown, names: readonly string[]): string {
  const near = typeof name === 'string' ? nearest(name, names) : null
  return near ? `; did you mean '${near}'?` : ''
}

/** A wrong value, short. */
function found(value: unknown): string {
  if (value === undefined) return 'it is missing'
  if (typeof value === 'string') return `it is '${value.length > 40 ? `${value.slice(0, 40)}...` : value}'`
  if (Array.isArray(value)) return 'it is a list'
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
    ? `it is ${typeof value === 'function' ? 'a function' : 'an object'}`
    : `it is ${value}`
}

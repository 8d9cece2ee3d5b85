import type { Access } from '../primer/definition.ts'
import { parseDuration } from '../primer/duration.ts'
import { oneOf, type Problem, parsed, plainObject, type Reader, suggestion } from './reader.ts'
import { parseSize } from './size.ts'

export const text = parsed('a text', (value) => (typeof value === 'string' && value !== '' ? value : undefined))

export const flag = parsed('true or false', (value) => (typeof value === 'boolean' ? value : undefined))

export function integer(from: number, to: number): Reader<number> {
  const wanted = `a whole number from ${from} to ${to}`
  return parsed(wanted, (value) =>
    Number.isInteger(value) && inside(value as number, from, to) ? Number(value) : undefined,
  )
}

/** More than 0, at most a million; fractions allowed: 0.5 per second is one in two seconds. */
export const rate = parsed('a number above 0, at most 1000000', (value) =>
  typeof value === 'number' && value > 0 && value <= 1_000_000 ? value : undefined,
)

export function size(from: number, to: number): Reader<number> {
  return parsed(`a size such as '512kb' or '64mb', from ${from} to ${to} bytes`, (value) => {
    const bytes = parseSize(value)
    return bytes !== undefined && inside(bytes, from, to) ? bytes : undefined
  })
}

/** Milliseconds of a length of time, at least `from`; 0 is one only where `from` is 0. */
export function duration(from = 1): Reader<number> {
  return (value, at, problems) => {
    if (from === 0 && (value === 0 || value === '0s')) return 0
    const ms = parseDuration(value)
    if (typeof ms === 'string') problems.push({ setting: at, message: ms })
    else if (ms < from) problems.push({ setting: at, message: `must be at least ${from} ms` })
    return ms as number
  }
}

export function choice<T extends string>(...names: readonly T[]): Reader<T> {
  return (value, at, problems) => {
    if (names.includes(value as T)) return value as T
    const given = typeof value === 'string' ? `; it is '${value}'${suggestion(value, names)}` : ''
    problems.push({ setting: at, message: `must be ${oneOf(names)}${given}` })
    return undefined as never
  }
}

/** A text, or a list of texts, always as a list. */
export const texts = parsed('a text or a list of texts', (value) => {
  const list = typeof value === 'string' ? [value] : value
  const isList = Array.isArray(list) && list.length > 0 && list.every((item) => typeof item === 'string' && item !== '')
  return isList ? (list as readonly string[]) : undefined
})

export const access: Reader<Access> = parsed(
  "'public', 'authenticated', { scopes: [...] }, { groups: [...] } or a function of claims and parameters",
  (value) => {
    if (value === 'public' || value === 'authenticated' || typeof value === 'function') return value as Access
    const [[name, list] = [], ...more] = Object.entries(plainObject(value) ?? {})
    const isRule = (name === 'scopes' || name === 'groups') && more.length === 0 && isTextList(list)
    return isRule ? (value as Access) : undefined
  },
)

/** A record of any names of this form. */
export function record<T>(reader: Reader<T>, name: RegExp, wanted: string): Reader<Readonly<Record<string, T>>> {
  return (value, at, problems: Problem[]) => {
    const given = Object.entries(plainObject(value) ?? {})
    if (given.length === 0) problems.push({ setting: at, message: `must be an object with at least one entry` })
    for (const [key] of given) {
      if (!name.test(key)) problems.push({ setting: `${at}.${key}`, message: `must be named with ${wanted}` })
    }
    return Object.fromEntries(given.map(([key, item]) => [key, reader(item, `${at}.${key}`, problems)]))
  }
}

const inside = (value: number, from: number, to: number) => value >= from && value <= to

const isTextList = (list: unknown) =>
  Array.isArray(list) && list.length > 0 && list.every((item) => typeof item === 'string' && item !== '')

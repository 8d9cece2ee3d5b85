import type { RefreshRequest } from '../../ports/refresh-queue.ts'

/** Bytes of a message, and of all messages of one call together. */
export const MAX_BYTES = 1_048_576

const VERSION = 1
/** A refresh that was asked for by so many others, one after the other, is a circle of its askers. */
const MAX_DEPTH = 100
const MAX_CAUSE = 200

/** What a message says. Its `reason` is for the events. */
export type Message =
  | { readonly request: RefreshRequest }
  /** Nobody here can act on it: it is left where it is, and so ends in the dead-letter queue. */
  | { readonly unreadable: string; readonly reason: 'UNREADABLE' | 'UNKNOWN_VERSION' }
  /** Understood, and not to be done. */
  | { readonly dropped: string; readonly reason: 'REFRESH_DEPTH_EXCEEDED' }

/**
 * A request as the text of a message: plain ASCII, since SQS takes not every character. Changes that make it too long
 * are left out: they only spare a recompute.
 */
export function writeMessage({ key, cause, at, changes }: RefreshRequest): string {
  const text = ascii({ v: VERSION, key, cause, at, ...(changes === undefined ? {} : { changes }) })
  return text.length <= MAX_BYTES ? text : ascii({ v: VERSION, key, cause, at })
}

function ascii(value: object): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * The text of a message, `{ v: 1, key, cause?, at?, changes?, depth? }`. A field that is not among these belongs to
 * another version, so a new field is a new version. `sentAt` stands in for a missing `at`.
 */
export function readMessage(text: string, sentAt: number): Message {
  const fields = parse(text)
  if (fields === undefined) return unreadable('is not a JSON object')
  const { v, key, cause = 'manual', at = sentAt, changes, depth = 0, ...more } = fields
  if (v !== VERSION) return { unreadable: 'has a version that this program does not know', reason: 'UNKNOWN_VERSION' }
  if (Object.keys(more).length > 0) return unreadable('has a field that its version does not have')
  if (!isText(key) || !isText(cause) || cause.length > MAX_CAUSE) return unreadable('lacks a key, or has no such cause')
  if (!isCount(at) || !isCount(depth)) return unreadable('has a time or a depth that is no whole number from 0')
  if (!isList(changes)) return unreadable('has changes that are no list')
  if (depth > MAX_DEPTH) return { dropped: key, reason: 'REFRESH_DEPTH_EXCEEDED' }
  return { request: { key, cause, at, ...(changes === undefined ? {} : { changes }) } }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const unreadable = (why: string): Message => ({ unreadable: why, reason: 'UNREADABLE' })

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isList = (value: unknown): value is readonly unknown[] | undefined => value === undefined || Array.isArray(value)

import { asKckError, KckError } from '../errors.ts'
import { parseJsonStrictly } from './json-guard.ts'
import type { EdgeRequest } from './request.ts'
import { singleHeader } from './request.ts'

/** Bytes. */
export const defaultBodyLimit = 1024 * 1024

export interface ParsedBody {
  /** The fields of the one object that a body is. */
  readonly fields: Readonly<Record<string, unknown>>
  /** `form`: every value is text, still to be read by its type. */
  readonly kind: 'json' | 'form'
}

const unsupported = (message: string) => new KckError('UNSUPPORTED_MEDIA_TYPE', message)

/**
 * The body of a request: one object, as JSON or (what clients of the original KCK send) as a form. Throws `TOO_LARGE`,
 * `UNSUPPORTED_MEDIA_TYPE` or `INVALID_BODY`. No body at all is an object without fields.
 */
export async function readBody(request: EdgeRequest, limit: number): Promise<ParsedBody> {
  const encoding = singleHeader(request.headers, 'content-encoding')?.trim().toLowerCase()
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupported('Send the body without a Content-Encoding')
  }
  const type = singleHeader(request.headers, 'content-type')
  const kind = type === undefined ? null : kindOf(type)
  const text = decodeUtf8(await request.body(limit))
  if (kind === null) {
    if (text === '') return { fields: {}, kind: 'json' }
    throw unsupported('Say what the body is: Content-Type: application/json')
  }
  return kind === 'form' ? { fields: parseForm(text), kind } : { fields: parseObject(text), kind }
}

function kindOf(contentType: string): ParsedBody['kind'] {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase())
  const kind = type === 'application/json' ? 'json' : type === 'application/x-www-form-urlencoded' ? 'form' : null
  if (kind === null) throw unsupported('Send the body as application/json or application/x-www-form-urlencoded')
  for (const parameter of parameters) {
    if (/^charset\s*=/.test(parameter) && !/^charset\s*=\s*"?(?:utf-8|utf8|us-ascii)"?$/.test(parameter)) {
      throw unsupported('Send the body in UTF-8')
    }
  }
  return kind
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // A byte order mark is kept, so that JSON refuses it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw asKckError(cause, 'INVALID_BODY', 'The body is not UTF-8')
  }
}

function parseObject(text: string): Record<string, unknown> {
  if (text === '') return {}
  const value = parseJsonStrictly(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KckError('INVALID_BODY', 'The body must be a JSON object')
  }
  return value as Record<string, unknown>
}

function parseForm(text: string): Record<string, string> {
  const fields = new Map<string, string>()
  for (const part of text === '' ? [] : text.split('&')) {
    const equals = part.indexOf('=')
    const name = decodeField(equals < 0 ? part : part.slice(0, equals))
    if (fields.has(name)) throw new KckError('INVALID_BODY', 'The body has the same field twice')
    fields.set(name, equals < 0 ? '' : decodeField(part.slice(equals + 1)))
  }
  if (fields.has('__proto__')) throw new KckError('INVALID_BODY', 'The body has a field with a forbidden name')
  return Object.fromEntries(fields)
}

function decodeField(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (cause) {
    throw asKckError(cause, 'INVALID_BODY', 'The form is not percent-encoded UTF-8')
  }
}

import { asKckError, KckError } from '../errors.ts'
import type { Fetched, FetchRequest } from '../kck/kck.ts'
import { readBody } from './body.ts'
import { compressed } from './encode.ts'
import { type EdgeContext, type Exchange, fetchRequestOf, type Handler } from './exchange.ts'
import { ageSeconds } from './fetch-headers.ts'
import { problemOf } from './problem.ts'
import { bytesResponse } from './respond.ts'

type Outcome = Fetched | KckError

/** `POST /fetch`: many keys, one store round trip; each key has its own status, and one that fails fails alone. */
export const fetchManyRoute: Handler = async (context, exchange) => {
  const asked = fetchRequestOf(exchange)
  const { fields } = await readBody(exchange.request, context.limits.bodyBytes)
  const keys = keysOf(fields, context.limits.keysPerRequest)
  const outcomes = await fetchAll(context, exchange, keys, asked)
  const now = context.clock.now()
  const requestId = exchange.request.requestId
  const parts: Uint8Array[] = [Buffer.from('{"results":[')]
  let left = context.limits.manyBytes
  for (const [at, outcome] of outcomes.entries()) {
    const fits = outcome instanceof KckError || outcome.body.length <= left
    const result = fits ? outcome : tooMuch(context.limits.manyBytes)
    const made = result instanceof KckError ? [failed(keys[at] ?? '', result, requestId)] : await succeeded(result, now)
    for (const part of at > 0 ? [Buffer.from(','), ...made] : made) {
      left -= part.byteLength
      parts.push(part)
    }
  }
  parts.push(Buffer.from(']}'))
  return compressed(bytesResponse(200, Buffer.concat(parts), { key: `${keys.length} keys` }), exchange.request.headers)
}

/** Keys that cannot be read or may not be had never reach the store; the others go there together. */
async function fetchAll(
  { kck, auth }: EdgeContext,
  { claims }: Exchange,
  keys: readonly string[],
  asked: FetchRequest,
): Promise<readonly Outcome[]> {
  const checked = keys.map((text): string | KckError => {
    try {
      const key = kck.registry.parseKey(text)
      auth.authorize('fetch', key.primer.access, claims, { types: key.primer.parameters, parameters: key.parameters })
      return key.text
    } catch (error) {
      return asKckError(error)
    }
  })
  const wanted = [...new Set(checked.filter((key) => typeof key === 'string'))]
  const fetched = wanted.length === 0 ? [] : await kck.fetchMany(wanted, asked)
  const found = new Map(wanted.map((key, at) => [key, fetched[at]]))
  return checked.map((key) => {
    if (typeof key !== 'string') return key
    return found.get(key) ?? new KckError('INTERNAL', 'No result for a key')
  })
}

function keysOf(fields: Readonly<Record<string, unknown>>, most: number): readonly string[] {
  const { keys, ...rest } = fields
  const invalid = (message: string) => new KckError('INVALID_BODY', message, { details: { field: 'keys' } })
  if (Object.keys(rest).length > 0 || !Array.isArray(keys))
    throw invalid('The body must be {"keys": ["name/parameter", ...]}')
  if (keys.length === 0 || keys.length > most) throw invalid(`Ask for 1 to ${most} keys at a time`)
  if (!keys.every((key) => typeof key === 'string')) throw invalid('Every key must be a string')
  return keys
}

/** The body as it is stored, with what the headers of a single fetch say put before its first field. */
async function succeeded(fetched: Fetched, now: number): Promise<readonly Uint8Array[]> {
  const bytes = await fetched.body.bytes('identity')
  const overlay = fetched.overlaid === undefined ? '' : `"overlay":${fetched.overlaid},`
  const head = `{"status":200,"state":"${fetched.state}","age":${ageSeconds(fetched, now)},${overlay}`
  return [Buffer.from(head), bytes.subarray(1)]
}

function failed(key: string, error: KckError, requestId: string): Uint8Array {
  const problem = problemOf(error, requestId)
  return Buffer.from(JSON.stringify({ status: problem.status, key: key.toWellFormed(), problem }))
}

function tooMuch(limit: number): KckError {
  return new KckError('TOO_LARGE', `Together the values exceed ${limit} bytes; fetch this one by itself`)
}

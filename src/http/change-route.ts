import { KckError } from '../errors.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import { acceptedResponse, prefersAsync } from './accepted.ts'
import { type ParsedBody, readBody } from './body.ts'
import { compressed } from './encode.ts'
import type { Handler } from './exchange.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { parseQuery } from './query.ts'
import { jsonResponse, withHeaders } from './respond.ts'
import { authorizeWrite, fieldTypes } from './write-access.ts'

/** What an operator does is not about one product's parameters. */
export const noSubject = { parameters: {}, types: {} }

/** `PUT /update/{updater}/{id}`, `POST /update/{updater}` and the original's `POST /create/{updater}`. */
export const updateRoute: Handler = async (context, { request, route, claims, deadline, signal }) => {
  const { updater, parameters } = context.kck.registry.parseUpdaterKey(route.rest)
  const body = await readBody(request, context.limits.bodyBytes)
  const fields = body.kind === 'form' ? readFields(fieldTypes(updater), body) : body.fields
  authorizeWrite(context.auth, claims, { updater, parameters, fields })
  if (updater.mode === 'cached' || prefersAsync(request)) {
    const id = idempotencyKey(request.headers, claims)
    const accepted = await context.kck.writes.accept(route.rest, fields, id === null ? {} : { idempotencyKey: id })
    return acceptedResponse(accepted, request)
  }
  const updated = await context.kck.update(route.rest, fields, { claims, deadline, signal })
  const response = jsonResponse(200, { success: true, ...updated }, { key: `update/${updater.name}` })
  return compressed(withHeaders(response, ['kck-after', updated.after]), request.headers)
}

/** `DELETE /fetch/{key}`: stale from now on; with `?purge`, gone. */
export const invalidateRoute: Handler = async (context, { request, route, claims }) => {
  context.auth.authorize('admin', null, claims, noSubject)
  const key = context.kck.registry.parseKey(route.rest).text
  const purge = parseQuery(request.rawQuery).get('purge')
  if (purge !== undefined && !['', '1', 'true', '0', 'false'].includes(purge)) {
    throw new KckError('BAD_REQUEST', 'purge takes no value', { details: { parameter: 'purge' } })
  }
  if (purge === undefined || purge === '0' || purge === 'false') {
    return jsonResponse(200, { key, invalidated: await context.kck.invalidate(key, { cause: 'invalidate' }) }, { key })
  }
  return jsonResponse(200, { key, purged: await context.kck.purge(key, { cause: 'purge' }) }, { key })
}

/** A form is all text; the fields' types read it. A field without one is the updater's to refuse by name. */
function readFields(types: ParameterTypes, { fields }: ParsedBody): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => {
      const type = Object.hasOwn(types, name) ? types[name] : undefined
      return [name, type === undefined || type.sqlType === 'text' ? text : readField(type, name, text)]
    }),
  )
}

function readField(type: ParameterType, name: string, text: unknown): unknown {
  try {
    return type.parse(String(text))
  } catch (cause) {
    throw wrongField(type, name, cause)
  }
}

function wrongField(type: ParameterType, field: string, cause: unknown): KckError {
  return new KckError('INVALID_BODY', `The field ${field} must be of type ${type.name}`, { details: { field }, cause })
}

import { KckError } from '../errors.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import type { Updater } from '../updater/definition.ts'
import { type ParsedBody, readBody } from './body.ts'
import { compressed } from './encode.ts'
import type { Handler } from './exchange.ts'
import { parseQuery } from './query.ts'
import { jsonResponse, withHeaders } from './respond.ts'

/** What an operator does is not about one product's parameters. */
export const noSubject = { parameters: {}, types: {} }

/** `PUT /update/{updater}/{id}`, `POST /update/{updater}` and the original's `POST /create/{updater}`. */
export const updateRoute: Handler = async (context, { request, route, claims, deadline, signal }) => {
  const { updater, parameters } = context.kck.registry.parseUpdaterKey(route.rest)
  const body = await readBody(request, context.limits.bodyBytes)
  const types = fieldTypes(updater)
  const fields = body.kind === 'form' ? readFields(types, body) : body.fields
  // A claim must be equal in the key and in the body, also where both give it.
  const inKey = { parameters: { ...fields, ...parameters }, types: parameters === null ? {} : updater.key }
  const inBody = { parameters: { ...parameters, ...fields }, types: claimTypes(types) }
  for (const subject of [inKey, inBody]) context.auth.authorize('update', updater.access, claims, subject)
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

/** The types of a body's fields, where it has them by name; a schema for the whole body checks itself. */
function fieldTypes({ body }: Updater): ParameterTypes {
  return '~standard' in body ? {} : (body as ParameterTypes)
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

/** The types of the fields that stand for a claim; who writes another's rows is refused before the updater runs. */
function claimTypes(types: ParameterTypes): ParameterTypes {
  return Object.fromEntries(Object.entries(types).filter(([, type]) => type.claim !== undefined))
}

import { KckError } from '../errors.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { Updater } from '../updater/definition.ts'
import { type ParsedBody, readBody } from './body.ts'
import { compressed } from './encode.ts'
import type { Handler } from './exchange.ts'
import { parseQuery } from './query.ts'
import { jsonResponse } from './respond.ts'

/** `PUT /update/{updater}/{id}`, `POST /update/{updater}` and the original's `POST /create/{updater}`. */
export const updateRoute: Handler = async (context, { request, route, claims, deadline, signal }) => {
  const { updater, parameters } = context.kck.registry.parseUpdaterKey(route.rest)
  const key = { types: updater.key, values: parameters ?? {} }
  // The key alone can be judged before anything is read; a body of a stranger is not worth a megabyte.
  context.gate.authorize(updater.access, claims, key)
  const body = await readBody(request, context.limits.bodyBytes)
  const types = fieldTypes(updater)
  const fields = body.kind === 'form' ? readFields(types, body) : body.fields
  context.gate.authorize(updater.access, claims, key, { types, values: claimFields(types, fields) })
  const updated = await context.kck.update(route.rest, fields, { claims, deadline, signal })
  const response = jsonResponse(200, { success: true, ...updated }, { key: `update/${updater.name}` })
  return compressed(response, request.headers)
}

/** `DELETE /fetch/{key}`: stale from now on; with `?purge`, gone. */
export const invalidateRoute: Handler = async (context, { request, route, claims }) => {
  context.gate.authorizeAdmin(request, claims)
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

/** A form is all text; the fields' types read it. What they cannot read is the updater's to refuse by name. */
function readFields(types: ParameterTypes, { fields }: ParsedBody): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [
      name,
      Object.hasOwn(types, name) ? readField(types, name, text) : text,
    ]),
  )
}

function readField(types: ParameterTypes, name: string, text: unknown): unknown {
  const type = types[name]
  try {
    return type?.parse(String(text))
  } catch (cause) {
    throw new KckError('INVALID_BODY', `The field ${name} is not a ${type?.name}`, { details: { field: name }, cause })
  }
}

/** The fields that stand for a claim, in their canonical form. */
function claimFields(types: ParameterTypes, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = { ...fields }
  for (const [name, type] of Object.entries(types)) {
    const value = values[name]
    if (type.claim !== undefined && value !== undefined && value !== null) values[name] = type.check(value)
  }
  return values
}

import { KckError } from '../errors.ts'
import { noSubject } from './change-route.ts'
import type { Handler } from './exchange.ts'
import { jsonResponse, withHeaders } from './respond.ts'
import { authorizeWrite } from './write-access.ts'

/** `GET /writes/{id}`: what became of a write, for those who may make it. */
export const writeRoute: Handler = async (context, { route, claims }) => {
  const status = await context.kck.writes.status(route.rest)
  if (status === null) throw new KckError('NOT_FOUND', 'Nobody knows of such a write, or not any more')
  const { updater, parameters } = context.kck.registry.parseUpdaterKey(status.updater)
  authorizeWrite(context.auth, claims, { updater, parameters, fields: status.body })
  return jsonResponse(200, status, { key: `update/${updater.name}` })
}

/** `GET /operate/writes`: how many wait, and those that were refused. */
export const writesRoute: Handler = async ({ auth, kck }, { claims }) => {
  auth.authorize('admin', null, claims, noSubject)
  const [waiting, parked] = await Promise.all([kck.writes.waiting(), kck.writes.parked()])
  return jsonResponse(200, { ...waiting, parked })
}

/** `POST /writes/{id}`: a refused write waits again. */
export const retryWriteRoute: Handler = async ({ auth, kck }, { route, claims }) => {
  auth.authorize('admin', null, claims, noSubject)
  const id = await kck.writes.retry(route.rest)
  return withHeaders(jsonResponse(202, { id, state: 'accepted' }), ['location', `/writes/${id}`])
}

/** `DELETE /writes/{id}`: a refused write is given up. */
export const discardWriteRoute: Handler = async ({ auth, kck }, { route, claims }) => {
  auth.authorize('admin', null, claims, noSubject)
  await kck.writes.discard(route.rest)
  return jsonResponse(200, { id: route.rest, state: 'discarded' })
}

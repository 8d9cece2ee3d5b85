import { readChange } from '../change/change-body.ts'
import { KckError } from '../errors.ts'
import { readBody } from './body.ts'
import { noSubject } from './change-route.ts'
import type { Handler } from './exchange.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { jsonResponse, withHeaders } from './respond.ts'

/** `POST /changed`: something changed outside KCK; marks what rests on it, and answers when all of it is marked. */
export const changedRoute: Handler = async ({ auth, kck, limits }, { request, claims, signal }) => {
  auth.authorize('change', null, claims, noSubject)
  const key = idempotencyKey(request.headers, claims)
  const body = await readBody(request, limits.bodyBytes)
  if (body.kind === 'form') throw new KckError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json')
  const id = key === null ? {} : { id: key }
  const marked = await kck.changed(readChange(body.fields), { ...id, signal })
  return withHeaders(jsonResponse(200, marked, { key: 'changed' }), ['kck-after', marked.after])
}

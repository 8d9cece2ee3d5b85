import { readChange } from '../change/change-body.ts'
import { KckError } from '../errors.ts'
import { readBody } from './body.ts'
import { noSubject } from './change-route.ts'
import type { Handler } from './exchange.ts'
import { type HeaderList, singleHeader } from './request.ts'
import { jsonResponse, withHeaders } from './respond.ts'

/** `POST /changed`: something changed outside KCK; marks what rests on it, and answers when all of it is marked. */
export const changedRoute: Handler = async ({ auth, kck, limits }, { request, claims, signal }) => {
  auth.authorize('change', null, claims, noSubject)
  const key = idempotencyKey(request.headers)
  const body = await readBody(request, limits.bodyBytes)
  if (body.kind === 'form') throw new KckError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json')
  // Another caller's key is another key.
  const id = key === null ? {} : { id: `http ${claims?.['sub'] ?? ''} ${key}` }
  const marked = await kck.changed(readChange(body.fields), { ...id, signal })
  return withHeaders(jsonResponse(200, marked, { key: 'changed' }), ['kck-after', marked.after])
}

/** The key, with or without the quotes that the draft of the header asks for. */
function idempotencyKey(headers: HeaderList): string | null {
  const header = singleHeader(headers, 'idempotency-key')
  if (header === undefined) return null
  const key = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/.exec(header.trim())
  if (key === null) throw new KckError('BAD_REQUEST', 'Idempotency-Key takes 1 to 255 visible ASCII characters')
  return key[1] ?? key[2] ?? null
}

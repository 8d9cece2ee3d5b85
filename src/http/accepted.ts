import type { Accepted } from '../write/api.ts'
import type { EdgeRequest } from './request.ts'
import { listHeader } from './request.ts'
import { type EdgeResponse, jsonResponse, withHeaders } from './respond.ts'

/** Whether the caller would rather not wait (RFC 7240). */
export function prefersAsync({ headers }: EdgeRequest): boolean {
  const preferences = listHeader(headers, 'prefer')?.split(',') ?? []
  return preferences.some((preference) => preference.split(/[;=]/, 1)[0]?.trim().toLowerCase() === 'respond-async')
}

/** The answer to a write that waits: where to ask what became of it. */
export function acceptedResponse(accepted: Accepted, request: EdgeRequest): EdgeResponse {
  const { id, updater, shown, after } = accepted
  const body = { success: true, id, updater, state: 'accepted', shown, after }
  const applied = prefersAsync(request) ? ['preference-applied', 'respond-async'] : []
  const headers = ['location', `/writes/${id}`, 'kck-after', after, ...applied]
  return withHeaders(jsonResponse(202, body, { key: `update/${updater}` }), headers)
}

/** Header fields as a flat list, name, value, name, value: what node:http takes without a copy. */
export type FlatHeaders = readonly string[]

export interface EdgeResponse {
  readonly status: number
  readonly headers: FlatHeaders
  readonly body: Uint8Array | null
  /** What the request log says beside the status. */
  readonly note?: ResponseNote
}

export interface ResponseNote {
  /** The canonical key, or the updater. */
  readonly key?: string
  readonly code?: string
  readonly level?: 'info' | 'warn' | 'error'
  /** For the operator only. */
  readonly error?: unknown
}

const encoder = new TextEncoder()

/** A JSON answer that belongs to this request alone: nothing may keep it. */
export function jsonResponse(status: number, value: unknown, note?: ResponseNote): EdgeResponse {
  return bytesResponse(status, encoder.encode(JSON.stringify(value)), note)
}

export function bytesResponse(status: number, body: Uint8Array, note?: ResponseNote): EdgeResponse {
  return {
    status,
    headers: [
      'content-type',
      'application/json',
      'cache-control',
      'no-store',
      'content-length',
      String(body.byteLength),
    ],
    body,
    ...(note ? { note } : {}),
  }
}

export function withHeaders(response: EdgeResponse, headers: FlatHeaders): EdgeResponse {
  return headers.length === 0 ? response : { ...response, headers: [...response.headers, ...headers] }
}

/** The same answer without its body, as HEAD wants it: `content-length` still says what GET would send. */
export function withoutBody(response: EdgeResponse): EdgeResponse {
  return response.body === null ? response : { ...response, body: null }
}

/** The first value of a header of a response. */
export function headerOf(headers: FlatHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1]
  }
  return undefined
}

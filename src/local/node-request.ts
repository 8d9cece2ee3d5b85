import type { IncomingMessage, ServerResponse } from 'node:http'
import { KckError } from '../errors.ts'
import { type EdgeRequest, type HeaderList, tooLarge } from '../http/request.ts'

/** A request of node:http as the edge takes it. */
export function edgeRequestOf(request: IncomingMessage, response: ServerResponse, requestId: string): EdgeRequest {
  const { rawPath, rawQuery } = splitTarget(request.url ?? '/')
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new KckError('BAD_REQUEST', 'The caller is gone'))
  })
  return {
    method: request.method ?? 'GET',
    rawPath,
    rawQuery,
    headers: headerList(request.rawHeaders),
    requestId,
    signal: gone.signal,
    body: (limit) => readBytes(request, response, limit),
  }
}

/** The path and query of a request target. A whole URL in its place is allowed (RFC 9112, 3.2.2). */
function splitTarget(url: string): { readonly rawPath: string; readonly rawQuery: string } {
  const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '')
  const question = target.indexOf('?')
  if (question < 0) return { rawPath: target, rawQuery: '' }
  return { rawPath: target.slice(0, question), rawQuery: target.slice(question + 1) }
}

function headerList(raw: readonly string[]): HeaderList {
  const list: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return list
}

async function readBytes(request: IncomingMessage, response: ServerResponse, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers['content-length'] ?? 0)
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    if (declared > limit) throw tooLarge(limit)
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      length += (chunk as Uint8Array).byteLength
      if (length > limit) throw tooLarge(limit)
      chunks.push(chunk as Uint8Array)
    }
  } catch (error) {
    // The connection cannot be used again without reading what the client still means to send.
    response.shouldKeepAlive = false
    throw error
  }
  return Buffer.concat(chunks)
}

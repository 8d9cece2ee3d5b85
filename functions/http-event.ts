import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { KckError } from '../src/errors.ts'
import type { Edge } from '../src/http/edge.ts'
import { problemResponse } from '../src/http/problem.ts'
import { type EdgeRequest, type HeaderList, tooLarge } from '../src/http/request.ts'
import { type EdgeResponse, headerOf } from '../src/http/respond.ts'

/**
 * Bytes of a body that a function may answer with: as base64 inside JSON they come to 5.9 MB, and Lambda takes 6 MB. Larger
 * values are answered with a link, see `http/large-answer.ts`.
 */
export const MAX_ANSWER_BYTES = 4_400_000
/** Text of this size fits however much of it JSON has to escape. */
const TEXT_BYTES = 1_000_000

/** One HTTP API or Function URL event through the edge. */
export async function handleHttpEvent(
  edge: Edge,
  event: APIGatewayProxyEventV2,
  context: Pick<Context, 'awsRequestId'>,
): Promise<APIGatewayProxyStructuredResultV2> {
  const request = requestOf(event, context)
  return resultOf(await edge.handle(request), request)
}

function requestOf(event: APIGatewayProxyEventV2, { awsRequestId }: Pick<Context, 'awsRequestId'>): EdgeRequest {
  const { http, requestId } = event.requestContext
  return {
    method: http.method,
    rawPath: pathOf(event),
    rawQuery: event.rawQueryString,
    headers: headersOf(event),
    requestId: requestId ?? awsRequestId,
    // Lambda tells nobody that a caller has gone.
    signal: new AbortController().signal,
    body: (limit) => Promise.resolve(bytesOf(event, limit)),
  }
}

/**
 * The path as the client wrote it, as far as it can be had. A Function URL hands it over still percent-encoded. An HTTP
 * API has decoded it once, so each segment is encoded again, and the edge's one decoding gives what the client meant.
 * What that loses: `%2F` has become a separator and everything from a decoded `?` on is gone, so parameters with these
 * characters go through `POST /fetch`, or a Function URL. A stage that is not `$default` stands before the path.
 */
function pathOf({ rawPath, requestContext }: APIGatewayProxyEventV2): string {
  const stage = `/${requestContext.stage}`
  const path = rawPath.startsWith(`${stage}/`) ? rawPath.slice(stage.length) : rawPath
  if (requestContext.domainName.includes('.lambda-url.')) return path
  return path.split('/').map(encodeWellFormed).join('/')
}

function encodeWellFormed(segment: string): string {
  return encodeURIComponent(segment.toWellFormed())
}

/** Payload format 2.0 joins repeated headers with a comma, and takes cookies out, which nobody here reads. */
function headersOf({ headers }: APIGatewayProxyEventV2): HeaderList {
  return Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}

function bytesOf({ body, isBase64Encoded }: APIGatewayProxyEventV2, limit: number): Uint8Array {
  if (body === undefined) return new Uint8Array()
  if (!isBase64Encoded) return checked(Buffer.from(body), limit)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw new KckError('INVALID_BODY', 'The body is not base64')
  return checked(Buffer.from(body, 'base64'), limit)
}

function checked(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.byteLength > limit) throw tooLarge(limit)
  return bytes
}

/** The edge answers with nothing larger than it was told; whatever does all the same is no 502. */
function resultOf(response: EdgeResponse, request: EdgeRequest): APIGatewayProxyStructuredResultV2 {
  if ((response.body?.byteLength ?? 0) <= MAX_ANSWER_BYTES) return structured(response)
  const message = 'This answer is larger than the 6 MB that Lambda can give'
  const error = new KckError('TOO_LARGE', message, { details: { limit: MAX_ANSWER_BYTES } })
  return structured(problemResponse(error, request.requestId))
}

export function structured({ status, headers, body }: EdgeResponse): APIGatewayProxyStructuredResultV2 {
  const joined: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    joined[name] = name in joined ? `${joined[name]}, ${value}` : value
  }
  if (body === null) return { statusCode: status, headers: joined }
  const binary = headerOf(headers, 'content-encoding') !== undefined || body.byteLength > TEXT_BYTES
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return {
    statusCode: status,
    headers: joined,
    body: bytes.toString(binary ? 'base64' : 'utf8'),
    isBase64Encoded: binary,
  }
}

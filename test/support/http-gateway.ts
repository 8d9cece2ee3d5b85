import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'

export type GatewayKind = 'http-api' | 'function-url'
/** A function that throws is answered for as a gateway does it. */
export type LambdaHandler = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>

export interface Gateway {
  readonly origin: string
  close(): Promise<void>
}

const domains: Readonly<Record<GatewayKind, string>> = {
  'http-api': 'abc123.execute-api.eu-central-1.amazonaws.com',
  'function-url': 'abc123.lambda-url.eu-central-1.on.aws',
}

/** What an HTTP API takes. */
const MAX_BODY_BYTES = 10 * 1024 * 1024

/**
 * What stands before a Lambda function, as far as its events and answers go: payload format 2.0. An HTTP API decodes the
 * path once and drops what follows a decoded `?`; a Function URL leaves it as it came. Both join repeated headers, hand
 * cookies over apart, and text bodies as text.
 */
export async function startGateway(kind: GatewayKind, handler: LambdaHandler, port = 0): Promise<Gateway> {
  let count = 0
  const answer = async (request: IncomingMessage): Promise<APIGatewayProxyStructuredResultV2> => {
    const bytes = await bytesOf(request)
    if (bytes.length > MAX_BODY_BYTES) return refusal(413, 'Request Entity Too Large')
    count += 1
    const requestId = `gateway-${count}`
    // Lambda hands events and results over as JSON.
    const event = JSON.parse(JSON.stringify(eventOf(kind, request, bytes, requestId)))
    return JSON.parse(JSON.stringify(await handler(event, contextOf(requestId))))
  }
  const server = createServer({ maxHeaderSize: 10_240 }, async (request, response) => {
    const result = await answer(request).catch(() => refusal(500, 'Internal Server Error'))
    const { statusCode, headers, body, isBase64Encoded } = result
    const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8')
    response.writeHead(statusCode ?? 200, headers as Record<string, string>)
    response.end(request.method === 'HEAD' ? undefined : bytes)
  })
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** An answer of the gateway's own. */
export function refusal(statusCode: number, message: string): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function eventOf(
  kind: GatewayKind,
  request: IncomingMessage,
  bytes: Buffer,
  requestId: string,
): APIGatewayProxyEventV2 {
  const target = Buffer.from(request.url ?? '/', 'latin1').toString()
  const [path = '', ...query] = target.split('?')
  const rawPath = kind === 'http-api' ? decodeOnce(path) : asciiOnly(path)
  const headers = headersOf(request)
  const isText = /^(?:text\/|application\/(?:json|javascript|xml))/.test(headers['content-type'] ?? '') && isUtf8(bytes)
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: query.join('?'),
    ...(request.headers.cookie === undefined ? {} : { cookies: request.headers.cookie.split('; ') }),
    headers,
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc123',
      domainName: domains[kind],
      domainPrefix: 'abc123',
      http: {
        method: request.method ?? 'GET',
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '192.0.2.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey: '$default',
      stage: '$default',
      time: '20/Nov/2026:00:00:00 +0000',
      timeEpoch: 1_795_000_000_000,
    },
    ...(bytes.length === 0 ? {} : { body: bytes.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: bytes.length > 0 && !isText,
  }
}

/** Lower-case names, repeated headers joined, cookies apart. */
function headersOf({ headersDistinct }: IncomingMessage): Record<string, string | undefined> {
  const { cookie: _, ...others } = headersDistinct
  return Object.fromEntries(Object.entries(others).map(([name, values]) => [name, values?.join(',')]))
}

function decodeOnce(path: string): string {
  const bytes = Buffer.from(path)
    .toString('latin1')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const decoded = Buffer.from(bytes, 'latin1').toString()
  return decoded.includes('?') ? decoded.slice(0, decoded.indexOf('?')) : decoded
}

function asciiOnly(path: string): string {
  return path.replaceAll(/[^ -~]+/g, (text) => encodeURIComponent(text))
}

function contextOf(awsRequestId: string): Context {
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: false,
    functionName: 'fetch',
    functionVersion: '1',
    invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:fetch',
    memoryLimitInMB: '1024',
    logGroupName: 'group',
    logStreamName: 'stream',
    getRemainingTimeInMillis: () => 10_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  }
}

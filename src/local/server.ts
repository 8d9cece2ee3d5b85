import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { KckError } from '../errors.ts'
import type { Edge } from '../http/edge.ts'
import { problemOf, problemResponse } from '../http/problem.ts'
import type { EdgeResponse } from '../http/respond.ts'
import type { Kck } from '../kck/kck.ts'
import type { Clock } from '../ports/clock.ts'
import { createHotPath } from './hot-path.ts'
import { edgeRequestOf } from './node-request.ts'

export interface ServerOptions {
  readonly edge: Edge
  readonly kck: Pick<Kck, 'peek'>
  readonly clock: Clock
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 8001; 0: any free one. */
  readonly port?: number
  /** Requests that may be under way at once, beside those that the near cache answers; more get 429. Default 1,000. */
  readonly maxConcurrent?: number
  /** Milliseconds that requests under way may take once the server is being closed. Default 10,000. */
  readonly closeGraceMs?: number
}

export interface RunningServer {
  readonly host: string
  readonly port: number
  readonly url: string
  /** Accepts nothing new, lets what is under way finish, then resolves. Does not close the cache. */
  close(): Promise<void>
}

/** Bytes of all headers together; a token may take 8 KiB of them. */
const maxHeaderSize = 16 * 1024
/** Milliseconds: a client must have sent its headers, and its whole request, by then. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
/** Above the 60 s of usual load balancers, so that they close idle connections and no request meets a closing one. */
const keepAliveTimeoutMs = 65_000

/** Serves the edge on node:http. Resolves when it listens. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { edge, kck, clock, host = '127.0.0.1', port = 8001, maxConcurrent = 1000, closeGraceMs = 10_000 } = options
  const hotPath = createHotPath({ edge, kck, clock })
  const nextRequestId = requestIds(clock)
  let underWay = 0
  let closing = false

  async function serve(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    underWay += 1
    try {
      const edgeRequest = edgeRequestOf(request, response, requestId)
      write(response, underWay > maxConcurrent ? overloaded(requestId) : await edge.handle(edgeRequest))
      // The rest of a body that nobody wanted would be taken for the next request.
      if (!request.complete) request.resume()
    } finally {
      underWay -= 1
    }
  }

  const server = createServer(
    { maxHeaderSize, headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs },
    (request, response) => {
      const requestId = nextRequestId()
      if (closing) response.shouldKeepAlive = false
      if (hotPath.tryAnswer(request, response, requestId)) return
      serve(request, response, requestId).catch(() => response.destroy())
    },
  )
  server.keepAliveTimeout = keepAliveTimeoutMs
  server.on('clientError', (error, socket) =>
    refuseUnreadable(error, socket as Socket, edge, { requestId: nextRequestId(), now: clock.now() }),
  )
  await listen(server, host, port)
  const address = server.address() as AddressInfo

  return {
    host,
    port: address.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    async close() {
      closing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const patience = new AbortController()
      clock.sleep(closeGraceMs, patience.signal).then(
        () => server.closeAllConnections(),
        () => {},
      )
      await closed
      patience.abort()
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `Cannot listen on ${host}:${port}; is another server running there? Choose another port with KCK_PORT`
      reject(new KckError('INVALID_CONFIG', message, { cause }))
    })
    server.listen(port, host, resolve)
  })
}

function write(response: ServerResponse, { status, headers, body }: EdgeResponse): void {
  if (response.destroyed) return
  response.writeHead(status, [...headers])
  if (body === null) response.end()
  else response.end(body)
}

function overloaded(requestId: string): EdgeResponse {
  return problemResponse(
    new KckError('TOO_MANY_REQUESTS', 'This server has all the requests it can hold; try again'),
    requestId,
  )
}

/** Unique in this process and, with its start, across processes. A counter: an id for every hit must cost nothing. */
function requestIds(clock: Clock): () => string {
  const prefix = `${clock.now().toString(36)}-${process.pid.toString(36)}-`
  let count = 0
  return () => {
    count += 1
    return prefix + count.toString(36)
  }
}

/** What node:http could not read as a request: answered by hand, because there is no response object for it. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket, edge: Edge, about: Unreadable): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { requestId, now } = about
  const [status, detail] = unreadable[error.code ?? ''] ?? [400, 'This is not an HTTP request']
  const problem = { ...problemOf(new KckError('BAD_REQUEST', detail), requestId), status, title: STATUS_CODES[status] }
  const body = JSON.stringify(problem)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    `kck-request-id: ${requestId}`,
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  const entry = {
    level: 'info',
    time: now,
    requestId,
    method: '',
    path: '',
    status,
    ms: 0,
    bytes: body.length,
  } as const
  edge.log?.({ ...entry, code: 'BAD_REQUEST' })
}

interface Unreadable {
  readonly requestId: string
  readonly now: number
}

const unreadable: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, `The headers are larger than ${maxHeaderSize} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive'],
}

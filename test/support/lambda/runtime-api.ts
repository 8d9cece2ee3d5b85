import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Bytes that a function may answer with, as Lambda counts them. */
export const MAX_RESULT_BYTES = 6_291_556

export interface FunctionError {
  readonly errorType: string
  readonly errorMessage: string
}

/** What a function said to one event. */
export type Outcome = { readonly result: unknown } | { readonly error: FunctionError }

interface Invocation {
  readonly requestId: string
  readonly functionArn: string
  /** Milliseconds since 1970. */
  readonly deadline: number
  readonly event: unknown
}

/** What the runtime in one process talks to: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export interface RuntimeApi {
  /** For `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string
  /** Resolves when the runtime asks for an event, whenever that was; rejects when it said that it cannot start. */
  ready(): Promise<void>
  /** Hands an event to the waiting runtime; resolves with what it says. */
  deliver(invocation: Invocation): Promise<Outcome>
  close(): void
}

const TOO_LARGE: Outcome = {
  error: {
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${MAX_RESULT_BYTES} bytes).`,
  },
}

const PREFIX = '/2018-06-01/runtime'

export async function startRuntimeApi(): Promise<RuntimeApi> {
  let waiting: ServerResponse | null = null
  let asked = Promise.withResolvers<void>()
  let current: { readonly requestId: string; settle(outcome: Outcome): void } | null = null
  asked.promise.catch(() => {})

  const settle = (requestId: string, outcome: Outcome) => {
    if (current?.requestId !== requestId) return false
    current.settle(outcome)
    current = null
    return true
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request
    const body = await bytesOf(request)
    if (method === 'GET' && url === `${PREFIX}/invocation/next`) {
      waiting = response
      asked.resolve()
    } else if (method === 'POST') end(response, ...said(url, body))
    else end(response, 404, {})
  }

  function said(url: string, body: Buffer): [status: number, answer: unknown] {
    if (url === `${PREFIX}/init/error`) {
      asked.reject(failureOf(body))
      return [202, { status: 'OK' }]
    }
    const [, requestId = '', kind] = /\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? []
    if (kind === undefined) return [404, {}]
    const tooLarge = kind === 'response' && body.length > MAX_RESULT_BYTES
    const known = settle(requestId, tooLarge ? TOO_LARGE : outcomeOf(kind, body))
    if (tooLarge) return [413, { errorType: 'RequestEntityTooLarge' }]
    return known ? [202, { status: 'OK' }] : [400, { errorType: 'InvalidRequestID' }]
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => end(response, 500, { errorMessage: String(error) }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ready: () => asked.promise,
    deliver({ requestId, functionArn, deadline, event }) {
      const response = waiting
      if (response === null) throw new Error('The runtime has not asked for an event')
      waiting = null
      asked = Promise.withResolvers()
      asked.promise.catch(() => {})
      const { promise, resolve } = Promise.withResolvers<Outcome>()
      current = { requestId, settle: resolve }
      response.setHeader('Lambda-Runtime-Aws-Request-Id', requestId)
      response.setHeader('Lambda-Runtime-Deadline-Ms', String(deadline))
      response.setHeader('Lambda-Runtime-Invoked-Function-Arn', functionArn)
      response.setHeader('Lambda-Runtime-Trace-Id', 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0')
      end(response, 200, event)
      return promise
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function end(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

function outcomeOf(kind: string, body: Buffer): Outcome {
  return kind === 'response' ? { result: JSON.parse(body.toString() || 'null') } : { error: failureOf(body) }
}

function failureOf(body: Buffer): FunctionError {
  const { errorType = 'Error', errorMessage = '' } = JSON.parse(body.toString()) as Partial<FunctionError>
  return { errorType, errorMessage }
}

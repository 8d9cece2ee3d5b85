import middy, { type MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { type ErrorCode, KckError } from '../src/errors.ts'
import type { Edge } from '../src/http/edge.ts'
import { problemResponse } from '../src/http/problem.ts'
import type { RequestLogEntry } from '../src/http/request-log.ts'
import { handleHttpEvent, structured } from './http-event.ts'
import { logRequest } from './log.ts'

type HttpMiddleware = MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>

/**
 * A function behind an HTTP API or a Function URL. The edge authenticates, negotiates, logs and words its errors, the
 * same way as on the local server; what stands here is only what Lambda itself can get wrong.
 */
export function createHttpHandler(edge: () => Promise<Edge>, log: (entry: RequestLogEntry) => void = logRequest) {
  return middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use(payloadVersion)
    .use(errorBoundary(log))
    .handler(async (event, context) => handleHttpEvent(await edge(), event, context))
}

/** Payload format 1.0 has other fields: a wrong integration is to be seen at once and not as a strange 404. */
const payloadVersion: HttpMiddleware = {
  before({ event }) {
    if (event.version !== '2.0') {
      throw new KckError('INVALID_CONFIG', 'Set the payload format of this integration to version 2.0')
    }
  },
}

/** Start failures that pass by themselves. */
const passing: ReadonlySet<ErrorCode> = new Set(['STORE_UNAVAILABLE', 'SOURCE_UNAVAILABLE', 'AUTH_UNAVAILABLE'])

/** The last resort, for a start that failed: a problem for the caller, the reason for the log. */
function errorBoundary(log: (entry: RequestLogEntry) => void): HttpMiddleware {
  return {
    onError({ error, event, context: { awsRequestId: requestId } }) {
      const code = error instanceof KckError && passing.has(error.code) ? error.code : 'INTERNAL'
      const response = problemResponse(new KckError(code, 'The function could not start'), requestId)
      const { status } = response
      const path = event.rawPath ?? ''
      log({ level: 'error', time: Date.now(), requestId, method: '', path, status, ms: 0, bytes: 0, code, error })
      return structured(response)
    },
  }
}

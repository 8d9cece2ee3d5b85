import middy, { type MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { KckError } from '../src/errors.ts'
import type { Edge } from '../src/http/edge.ts'
import { problemResponse } from '../src/http/problem.ts'
import { handleHttpEvent, structured } from './http-event.ts'

type HttpMiddleware = MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>

/**
 * A function behind an HTTP API or a Function URL. The edge authenticates, negotiates, logs and words its errors, the
 * same way as on the local server; what stands here is only what Lambda itself can get wrong.
 */
export function createHttpHandler(edge: () => Promise<Edge>) {
  return middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use(payloadVersion)
    .use(errorBoundary)
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

/** The last resort, for a start that failed: a problem instead of Lambda's own error text. */
const errorBoundary: HttpMiddleware = {
  onError(request) {
    const error = request.error instanceof KckError ? request.error : new KckError('INTERNAL', 'The start failed')
    const code = error.code === 'STORE_UNAVAILABLE' || error.code === 'SOURCE_UNAVAILABLE' ? error.code : 'INTERNAL'
    request.response = structured(problemResponse(new KckError(code, error.message), request.context.awsRequestId))
  },
}

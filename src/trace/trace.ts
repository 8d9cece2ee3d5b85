import { AsyncLocalStorage } from 'node:async_hooks'
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { asKckError } from '../errors.ts'
import type { Origin } from '../ports/refresh-queue.ts'

/** Does nothing until somebody registers an SDK of OpenTelemetry. */
const tracer = trace.getTracer('kck')

const requestIds = new AsyncLocalStorage<string | undefined>()

export interface SpanOptions {
  readonly kind?: 'server' | 'producer' | 'consumer'
  readonly attributes?: Readonly<Record<string, string | number>>
}

const kinds = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
}

/** Runs `work` as a span below the one that is under way. A failure is noted by its code. */
export function inSpan<T>(
  name: string,
  { kind, attributes = {} }: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, { kind: kinds[kind ?? 'internal'], attributes }, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      const { code } = asKckError(error)
      span.setAttribute('error.type', code)
      span.setStatus({ code: SpanStatusCode.ERROR, message: code })
      throw error
    } finally {
      span.end()
    }
  })
}

/** Runs `work` as what another process, or a caller, has begun: its logs and spans say so. */
export function continuing<T>(origin: Origin | undefined, work: () => T): T {
  const began = origin?.trace ? propagation.extract(context.active(), origin.trace) : context.active()
  return requestIds.run(origin?.requestId, () => context.with(began, work))
}

/** Of the request that began what runs now, wherever it was made. */
export function currentRequestId(): string | undefined {
  return requestIds.getStore()
}

/** What another process has to know to go on with it; undefined: nothing. */
export function currentOrigin(): Origin | undefined {
  const requestId = currentRequestId()
  const carrier: Record<string, string> = {}
  propagation.inject(context.active(), carrier)
  const isTraced = carrier['traceparent'] !== undefined
  if (requestId === undefined && !isTraced) return undefined
  return { ...(requestId === undefined ? {} : { requestId }), ...(isTraced ? { trace: carrier } : {}) }
}

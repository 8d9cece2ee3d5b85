import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, type ContextManager, context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readOrigin, writeOrigin } from '../../../src/adapters/sqs/origin.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { KckError } from '../../../src/errors.ts'
import { createEdge } from '../../../src/http/edge.ts'
import type { Delivery, RefreshRequest } from '../../../src/ports/refresh-queue.ts'
import { deliver } from '../../../src/refresh/deliver.ts'
import { carryOrigin } from '../../../src/trace/carry-origin.ts'
import { continuing, currentOrigin, currentRequestId, inSpan } from '../../../src/trace/trace.ts'
import { createFakeKck } from '../../support/fake-kck.ts'
import { openAuth } from '../../support/http-auth.ts'

const sent: RefreshRequest[] = []
const queue = carryOrigin({
  send: async (_, requests) => {
    sent.push(...requests)
  },
  receive: async () => [],
  depth: async () => ({ hot: 0, normal: 0, idle: 0 }),
  close: async () => {},
})
const request = { key: 'a/1', cause: 'stale-read', at: 1 }
const send = () => queue.send('hot', [request])

beforeEach(() => {
  sent.length = 0
})

describe('a request id', () => {
  test('goes from the request into the message, and from there to what works on it', async () => {
    await continuing({ requestId: 'r-1' }, send)
    expect(sent).toEqual([{ ...request, origin: { requestId: 'r-1' } }])
    let seen: string | undefined
    const work = {
      refresh: async () => {
        seen = currentRequestId()
        await send()
      },
    }
    const delivered = { delivery: deliveryOf(sent[0] as RefreshRequest), seen: null }
    await deliver(work as never, delivered, new AbortController().signal)
    expect([seen, sent[1]?.origin, currentRequestId()]).toEqual(['r-1', { requestId: 'r-1' }, undefined])
  })

  test('of its own stays with a message, whoever sends it on', async () => {
    const own = { ...request, origin: { requestId: 'r-2' } }
    await continuing({ requestId: 'r-3' }, () => queue.send('hot', [own]))
    expect(sent).toEqual([own])
  })

  test('is in no message where nobody asked', async () => {
    await send()
    expect(sent).toEqual([request])
  })

  test('crosses SQS beside the text, where only what looks like one is taken', () => {
    const origin = { requestId: 'r-1', trace: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } }
    expect(readOrigin(writeOrigin(origin))).toEqual(origin)
    expect(writeOrigin({ requestId: 'a\nb', trace: { traceparent: 'x', other: 'y' } })).toBeUndefined()
    expect(readOrigin({ 'kck-request-id': { stringValue: `x${'y'.repeat(200)}` }, color: { stringValue: 'a' } })).toBe(
      undefined,
    )
    expect(readOrigin({ 'kck-request-id': { stringValue: 'r-1' } })).toEqual({ requestId: 'r-1' })
  })
})

describe('with an SDK of OpenTelemetry', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

  beforeAll(() => {
    context.setGlobalContextManager(new Contexts())
    propagation.setGlobalPropagator(w3c)
    trace.setGlobalTracerProvider(provider)
  })
  beforeEach(() => exporter.reset())
  afterAll(async () => {
    trace.disable()
    propagation.disable()
    context.disable()
    await provider.shutdown()
  })

  const spans = () =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId,
      attributes: span.attributes,
    }))

  test('one trace leads from the caller through the queue to the worker', async () => {
    const traceId = 'c'.repeat(32)
    const edge = createEdge({ kck: createFakeKck({ clock: systemClock }), clock: systemClock, auth: openAuth })
    const headers = [['traceparent', `00-${traceId}-${'d'.repeat(16)}-01`]] as const
    const { signal } = new AbortController()
    await edge.handle({
      method: 'GET',
      rawPath: '/fetch/by_name/x',
      rawQuery: '',
      headers,
      requestId: 'r',
      signal,
      body: async () => new Uint8Array(),
    })
    const [served] = spans()
    expect(served).toMatchObject({
      name: 'kck request',
      traceId,
      parent: 'd'.repeat(16),
      attributes: { 'http.response.status_code': 200, 'kck.key': 'by_name/x' },
    })
    exporter.reset()

    await inSpan('asking', {}, send)
    const worked = { refresh: () => inSpan('computing', {}, async () => {}) }
    await deliver(worked as never, { delivery: deliveryOf(sent[0] as RefreshRequest), seen: null }, signal)
    const [sending, asking, computing, refreshing] = spans()
    expect([sending?.name, asking?.name, computing?.name, refreshing?.name]).toEqual([
      'kck send',
      'asking',
      'computing',
      'kck refresh',
    ])
    expect(new Set(spans().map((span) => span.traceId)).size).toBe(1)
    expect([sending?.parent, refreshing?.parent, computing?.parent]).toEqual([
      asking?.spanId,
      sending?.spanId,
      refreshing?.spanId,
    ])
  })

  test('a failure is noted by its code, and by nothing that it says', async () => {
    const secret = new KckError('SOURCE_BUSY', 'password=hunter2')
    await expect(inSpan('failing', {}, () => Promise.reject(secret))).rejects.toBe(secret)
    const [span] = exporter.getFinishedSpans()
    expect([span?.attributes, span?.status.message, span?.events]).toEqual([
      { 'error.type': 'SOURCE_BUSY' },
      'SOURCE_BUSY',
      [],
    ])
  })
})

test('without one there is nothing to carry', () => {
  expect(currentOrigin()).toBeUndefined()
})

function deliveryOf(one: RefreshRequest): Delivery {
  const nothing = async () => {}
  return { request: one, lane: 'hot', attempt: 1, ack: nothing, nack: nothing, extend: nothing }
}

/** What the SDK for Node brings along. */
class Contexts implements ContextManager {
  readonly #contexts = new AsyncLocalStorage<Context>()
  active = () => this.#contexts.getStore() ?? ROOT_CONTEXT
  with: ContextManager['with'] = (given, work, self, ...values) =>
    this.#contexts.run(given, () => work.apply(self, values))
  bind: ContextManager['bind'] = (_, target) => target
  enable = () => this
  disable = () => this
}

const w3c = {
  inject(given: Context, carrier: unknown) {
    const span = trace.getSpanContext(given)
    if (span) (carrier as Record<string, string>)['traceparent'] = `00-${span.traceId}-${span.spanId}-01`
  },
  extract(given: Context, carrier: unknown) {
    const [, traceId = '', spanId = ''] = (carrier as Record<string, string>)['traceparent']?.split('-') ?? []
    return trace.setSpanContext(given, { traceId, spanId, traceFlags: 1, isRemote: true })
  },
  fields: () => ['traceparent'],
}

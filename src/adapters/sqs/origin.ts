import type { Origin } from '../../ports/refresh-queue.ts'

/** Of a message that is sent. */
export type Attributes = Record<string, { readonly DataType: 'String'; readonly StringValue: string }>

/** Of a message that was received, as SQS names it or as Lambda does. */
export type ReceivedAttributes = Readonly<
  Record<string, { readonly StringValue?: string | undefined; readonly stringValue?: string | undefined } | undefined>
>

/** More than the attributes of one message come to: they count as its bytes. */
export const ORIGIN_BYTES = 1_024

const REQUEST_ID = 'kck-request-id'
/** Names in the message, each with what its value looks like; anything else is not passed on. */
const FORMS: Readonly<Record<string, RegExp>> = {
  [REQUEST_ID]: /^[\x21-\x7e]{1,128}$/,
  traceparent: /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/,
  tracestate: /^[\x20-\x7e]{1,512}$/,
}

/** Where a message comes from stands beside its text, which has a version; who does not know these need not. */
export function writeOrigin(origin: Origin | undefined): Attributes | undefined {
  const values = { ...origin?.trace, ...(origin?.requestId === undefined ? {} : { [REQUEST_ID]: origin.requestId }) }
  const written = Object.entries(values).filter(([name, value]) => FORMS[name]?.test(value))
  if (written.length === 0) return undefined
  return Object.fromEntries(written.map(([name, value]) => [name, { DataType: 'String', StringValue: value }]))
}

export function readOrigin(attributes: ReceivedAttributes | undefined): Origin | undefined {
  const read = (name: string) => {
    const value = attributes?.[name]?.StringValue ?? attributes?.[name]?.stringValue
    return value !== undefined && FORMS[name]?.test(value) ? value : undefined
  }
  const [requestId, traceparent, tracestate] = [read(REQUEST_ID), read('traceparent'), read('tracestate')]
  if (requestId === undefined && traceparent === undefined) return undefined
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(traceparent === undefined
      ? {}
      : { trace: { traceparent, ...(tracestate === undefined ? {} : { tracestate }) } }),
  }
}

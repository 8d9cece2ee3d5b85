import type { Context, SQSEvent } from 'aws-lambda'
import type { Lane } from '../../../src/ports/refresh-queue.ts'

export interface EventMessage {
  readonly id: string
  readonly body: string | object
  readonly lane?: Lane
  readonly receiveCount?: number
  readonly receipt?: string
  readonly arn?: string
}

/** An invocation of a function by SQS, as Lambda words it. An object as the body is a message of version 1. */
export function sqsEvent(messages: readonly EventMessage[]): SQSEvent {
  return {
    Records: messages.map(({ id, body, lane = 'normal', receiveCount = 1, receipt = `receipt of ${id}`, arn }) => ({
      messageId: id,
      receiptHandle: receipt,
      body: typeof body === 'string' ? body : JSON.stringify({ v: 1, ...body }),
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: '0',
        SenderId: 'sender',
        ApproximateFirstReceiveTimestamp: '0',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: arn ?? `arn:aws:sqs:eu-central-1:1:kck-${lane}`,
      awsRegion: 'eu-central-1',
    })),
  }
}

export function contextOf(remainingMs = 60_000): Context {
  return { awsRequestId: 'lambda-1', getRemainingTimeInMillis: () => remainingMs } as Context
}

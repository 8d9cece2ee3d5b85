import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { createBatchHandler } from '../../../functions/batch-handler.ts'
import type { Lane } from '../../../src/ports/refresh-queue.ts'
import { contextOf, sqsEvent } from './event.ts'
import type { TestLanes } from './server.ts'

interface Poll {
  readonly client: SQSClient
  readonly lanes: TestLanes
  readonly lane: Lane
  readonly handler: ReturnType<typeof createBatchHandler>
  /** The queue's own visibility timeout. */
  readonly visibilitySeconds: number
}

/** What Lambda does once: takes a batch, calls the function, deletes what it does not report. How many it took. */
export async function pollAsLambda({ client, lanes, lane, handler, visibilitySeconds }: Poll): Promise<number> {
  const QueueUrl = lanes.urls[lane]
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 1,
      VisibilityTimeout: visibilitySeconds,
      MessageSystemAttributeNames: ['All'],
    }),
  )
  if (Messages.length === 0) return 0
  const { batchItemFailures } = await handler(
    sqsEvent(Messages.map((message) => eventMessage(message, lanes.arns[lane]))),
    contextOf(),
  )
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
  const done = Messages.filter(({ MessageId = '' }) => !failed.has(MessageId))
  const Entries = done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
  if (done.length > 0) await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
  return Messages.length
}

function eventMessage({ MessageId = '', Body = '', ReceiptHandle = '', Attributes }: Message, arn: string) {
  const receiveCount = Number(Attributes?.ApproximateReceiveCount)
  return { id: MessageId, body: Body, receipt: ReceiptHandle, receiveCount, arn }
}

/** A message as anybody may send it. */
export async function sendRaw(client: SQSClient, QueueUrl: string, MessageBody: string): Promise<void> {
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody }))
}

/** The texts of up to ten messages; they stay where they are. */
export async function peekTexts(client: SQSClient, QueueUrl: string): Promise<readonly string[]> {
  const peek = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 })
  return ((await client.send(peek)).Messages ?? []).map(({ Body = '' }) => Body)
}

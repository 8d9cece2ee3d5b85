import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type { LambdaFunction } from '../lambda/function.ts'

export interface EventSourceSettings {
  readonly client: SQSClient
  readonly queueUrl: string
  readonly queueArn: string
  readonly function: LambdaFunction
  readonly batchSize: number
  /** At most so many batches at a time. */
  readonly maxConcurrency: number
  readonly reportsFailures: boolean
}

export interface EventSource {
  /** Batches that were handed over since the start. */
  readonly batches: number
  stop(): Promise<void>
}

const ATTRIBUTES = ['All'] as const

/**
 * Takes batches from a queue, hands them to a function and deletes what it has done, as Lambda's event source mapping
 * does: what fails, or is in a batch that fails, stays in the queue and comes again after its visibility timeout.
 */
export function startEventSource(settings: EventSourceSettings): EventSource {
  const { client, queueUrl, batchSize, maxConcurrency } = settings
  const stopping = new AbortController()
  let batches = 0

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      const receive = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: Math.min(10, batchSize),
        WaitTimeSeconds: 5,
        MessageSystemAttributeNames: [...ATTRIBUTES],
        MessageAttributeNames: ['All'],
      })
      try {
        const { Messages = [] } = await client.send(receive, { abortSignal: stopping.signal })
        if (Messages.length === 0) continue
        batches += 1
        await handOver(settings, Messages)
      } catch {
        // The queue is not to be reached, or this ends.
        await sleep(100)
      }
    }
  }

  const pollers = Array.from({ length: Math.min(2, maxConcurrency) }, poll)
  return {
    get batches() {
      return batches
    },
    async stop() {
      stopping.abort()
      await Promise.all(pollers)
    },
  }
}

async function handOver(settings: EventSourceSettings, messages: readonly Message[]): Promise<void> {
  const outcome = await settings.function.invoke({ Records: messages.map((message) => recordOf(message, settings)) })
  if ('error' in outcome) return
  const { batchItemFailures = [] } = (outcome.result ?? {}) as Partial<SQSBatchResponse>
  const failed = new Set(settings.reportsFailures ? batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) : [])
  const done = messages.filter(({ MessageId = '' }) => !failed.has(MessageId))
  if (done.length === 0) return
  const Entries = done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
  await settings.client.send(new DeleteMessageBatchCommand({ QueueUrl: settings.queueUrl, Entries }))
}

function recordOf(message: Message, { queueArn }: EventSourceSettings): SQSRecord {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: message.Attributes as unknown as SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, { DataType = 'String', StringValue = '' }]) => [
        name,
        { dataType: DataType, stringValue: StringValue },
      ]),
    ),
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: 'eu-central-1',
  }
}

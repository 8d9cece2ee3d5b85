import type { Message, SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs'
import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import type { Lane } from '../../ports/refresh-queue.ts'
import { Renewed } from '../aws-common/renewed.ts'

export interface SqsCallOptions {
  /** The queue of each lane: standard queues, each with a dead-letter queue. */
  readonly urls: Readonly<Record<Lane, string>>
  /** Default: one of our own. */
  readonly client?: SQSClient
  /** Default: as the AWS SDK finds it. */
  readonly region?: string
  /** Another server than AWS. */
  readonly endpoint?: string
}

type Sdk = typeof import('@aws-sdk/client-sqs')
interface Opened {
  readonly sdk: Sdk
  readonly clients: { readonly current: SQSClient }
  close(): void
}

/** As the SDK knows them, after it has asked again in vain. */
const THROTTLED = /Throttl|OverLimit|TooManyRequests/
/** Milliseconds that an answer may take, beside what the call itself waits. */
const ANSWER_MS = 5_000
const ATTEMPTS = 3
/** Seconds: SQS hides no message for longer, and waits no longer for one. */
const LONGEST_HIDING = 43_200
const LONGEST_WAIT = 20

/**
 * The calls of SQS. A call without an answer is made again, up to three times: what happens twice does no harm to a
 * queue that delivers at least once.
 */
export class SqsCalls {
  readonly #options: SqsCallOptions
  #opened: Promise<Opened> | undefined

  constructor(options: SqsCallOptions) {
    this.#options = options
  }

  /** Ids of the entries that were refused, and whether it is worth sending them again. */
  async send(
    lane: Lane,
    Entries: SendMessageBatchRequestEntry[],
    signal?: AbortSignal,
  ): Promise<readonly { readonly id: string; readonly again: boolean; readonly code: string }[]> {
    const { sdk, clients } = await this.#open()
    const command = new sdk.SendMessageBatchCommand({ QueueUrl: this.#url(lane), Entries })
    const { Failed = [] } = await this.#call(lane, signal, () => clients.current.send(command, limits(signal)))
    return Failed.map(({ Id = '', SenderFault, Code = '' }) => ({ id: Id, again: SenderFault !== true, code: Code }))
  }

  async receive(
    lane: Lane,
    max: number,
    { waitMs, visibilityMs, signal }: { readonly waitMs: number; readonly visibilityMs: number; signal?: AbortSignal },
  ): Promise<readonly Message[]> {
    const { sdk, clients } = await this.#open()
    const command = new sdk.ReceiveMessageCommand({
      QueueUrl: this.#url(lane),
      MaxNumberOfMessages: Math.min(10, max),
      WaitTimeSeconds: Math.min(LONGEST_WAIT, seconds(waitMs)),
      VisibilityTimeout: Math.min(LONGEST_HIDING, seconds(visibilityMs)),
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
      MessageAttributeNames: ['All'],
    })
    const { Messages = [] } = await this.#call(lane, signal, () =>
      clients.current.send(command, limits(signal, waitMs)),
    )
    return Messages
  }

  /** Hides a message from all others for `ms`. False: it is not held any more. */
  async hide(lane: Lane, receipt: string, ms: number): Promise<boolean> {
    const { sdk, clients } = await this.#open()
    const command = new sdk.ChangeMessageVisibilityCommand({
      QueueUrl: this.#url(lane),
      ReceiptHandle: receipt,
      VisibilityTimeout: Math.min(LONGEST_HIDING, seconds(ms)),
    })
    try {
      await this.#call(lane, undefined, () => clients.current.send(command, limits()))
      return true
    } catch (error) {
      if (isLost(error)) return false
      throw error
    }
  }

  /** Indexes of the receipts whose messages could not be deleted. A receipt of a message that is gone is none. */
  async delete(lane: Lane, receipts: readonly string[]): Promise<readonly number[]> {
    const { sdk, clients } = await this.#open()
    const Entries = receipts.map((receipt, index) => ({ Id: String(index), ReceiptHandle: receipt }))
    const command = new sdk.DeleteMessageBatchCommand({ QueueUrl: this.#url(lane), Entries })
    const { Failed = [] } = await this.#call(lane, undefined, () => clients.current.send(command, limits()))
    return Failed.filter(({ Code }) => Code !== 'ReceiptHandleIsInvalid').map(({ Id }) => Number(Id))
  }

  /** Messages that wait, are delayed or are held. SQS counts approximately. */
  async depth(lane: Lane): Promise<number> {
    const { sdk, clients } = await this.#open()
    const command = new sdk.GetQueueAttributesCommand({
      QueueUrl: this.#url(lane),
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesDelayed',
        'ApproximateNumberOfMessagesNotVisible',
      ],
    })
    const { Attributes = {} } = await this.#call(lane, undefined, () => clients.current.send(command, limits()))
    return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0)
  }

  async close(): Promise<void> {
    if (this.#opened !== undefined) (await this.#opened).close()
  }

  async #call<T>(lane: Lane, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      throw signal?.aborted ? signal.reason : failed(lane, error)
    }
  }

  #url(lane: Lane): string {
    return this.#options.urls[lane]
  }

  #open(): Promise<Opened> {
    this.#opened ??= import('@aws-sdk/client-sqs').then((sdk) => {
      const { client } = this.#options
      // A client that was given to us belongs to somebody else.
      if (client) return { sdk, clients: { current: client }, close: () => undefined }
      const clients = new Renewed(() => new sdk.SQSClient(clientConfig(this.#options)))
      return { sdk, clients, close: () => clients.close() }
    })
    return this.#opened
  }
}

function clientConfig({ region, endpoint }: SqsCallOptions) {
  return {
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint } : {}),
    maxAttempts: ATTEMPTS,
    // Without the last one, the time limit would only be logged.
    requestHandler: { connectionTimeout: 2_000, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  }
}

/** A call that waits gets so much more time. */
function limits(signal?: AbortSignal, waitMs = 0) {
  return {
    ...(signal ? { abortSignal: signal } : {}),
    ...(waitMs > 0 ? { requestTimeout: seconds(waitMs) * 1_000 + ANSWER_MS } : {}),
  }
}

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1_000))

function failed(lane: Lane, cause: unknown): KckError {
  if (THROTTLED.test(nameOf(cause))) emit({ type: 'throttled', part: 'queue' })
  if (nameOf(cause) === 'QueueDoesNotExist') {
    const message = `There is no queue for the lane ${lane}; correct queue.urls.${lane}`
    return new KckError('INVALID_CONFIG', message, { cause })
  }
  const message = `The queue of the lane ${lane} cannot be used now; try again shortly`
  return new KckError('STORE_UNAVAILABLE', message, { cause, retryAfterMs: 1_000 })
}

/** The message went to somebody else, or is deleted. */
function isLost(error: unknown): boolean {
  const { cause } = error as KckError
  const name = nameOf(cause)
  if (name === 'MessageNotInflight' || name === 'ReceiptHandleIsInvalid') return true
  // What SQS itself answers for a receipt that has run out.
  return name === 'InvalidParameterValue' && /message does not exist/i.test((cause as Error).message)
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')

import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Delivery, Lane, Origin, RefreshQueue, RefreshRequest } from '../../ports/refresh-queue.ts'
import { Acknowledgements } from './acknowledge.ts'
import { type SqsCallOptions, SqsCalls } from './calls.ts'
import { readMessage } from './message.ts'
import { type ReceivedAttributes, readOrigin } from './origin.ts'
import { sendAll } from './send.ts'

export interface SqsRefreshQueueOptions extends SqsCallOptions {
  readonly clock: Clock
}

/** A message that Lambda received, as it stands in the event. */
export interface SqsRecord {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  readonly eventSourceARN: string
  readonly attributes: { readonly ApproximateReceiveCount: string; readonly SentTimestamp: string }
  readonly messageAttributes?: ReceivedAttributes
}

export interface SqsRefreshQueue extends RefreshQueue {
  /**
   * The delivery in a record; `unreadable`: leave it to its dead-letter queue; `dropped`: done with. Lambda deletes what
   * a function does not report as failed; `ack` does so before, whatever becomes of the rest of the batch. Throws
   * `INVALID_CONFIG` for a queue that is none of the lanes.
   */
  accept(record: SqsRecord): Delivery | 'unreadable' | 'dropped'
}

interface Raw {
  readonly lane: Lane
  readonly receipt: string
  readonly body: string
  readonly attempt: number
  readonly sentAt: number
  readonly origin: Origin | undefined
}

const LANES: readonly Lane[] = ['hot', 'normal', 'idle']
/**
 * Deliveries after which a message that is handed back is replaced by a new one. Refreshes that fail come back often,
 * and those of a stopping worker too: neither must count towards the dead-letter queue, which is for what nobody can
 * read and what ends its workers. Its `maxReceiveCount` must be larger: 5 or more.
 */
const RENEW_AFTER = 3
/** Milliseconds for which a message is hidden while it is replaced. */
const RENEWING_MS = 30_000

/**
 * Three standard queues of SQS. An aborted receive ends its HTTP call; what SQS has already sent on its way then comes
 * again when it has been hidden for `visibilityMs`. Delays are whole seconds, of a new message at most 15 minutes.
 */
export function createSqsRefreshQueue(options: SqsRefreshQueueOptions): SqsRefreshQueue {
  return new SqsQueue(options)
}

class SqsQueue implements SqsRefreshQueue {
  readonly #calls: SqsCalls
  readonly #clock: Clock
  readonly #acknowledgements: Readonly<Record<Lane, Acknowledgements>>
  readonly #laneOfName: ReadonlyMap<string, Lane>
  readonly #closing = new AbortController()

  constructor(options: SqsRefreshQueueOptions) {
    this.#clock = options.clock
    this.#calls = new SqsCalls(options)
    const acknowledgements = (lane: Lane) => new Acknowledgements(this.#calls, this.#clock, lane)
    this.#acknowledgements = {
      hot: acknowledgements('hot'),
      normal: acknowledgements('normal'),
      idle: acknowledgements('idle'),
    }
    this.#laneOfName = new Map(LANES.map((lane) => [lastPart(options.urls[lane], '/'), lane]))
  }

  async send(lane: Lane, requests: readonly RefreshRequest[], options: Parameters<RefreshQueue['send']>[2] = {}) {
    await sendAll({ calls: this.#calls, clock: this.#clock }, lane, requests, options)
  }

  async receive(lane: Lane, max: number, options: Parameters<RefreshQueue['receive']>[2]) {
    options.signal?.throwIfAborted()
    const closing = this.#closing.signal
    const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing
    try {
      const messages = await this.#calls.receive(lane, max, { ...options, signal })
      const raws = messages.map(({ ReceiptHandle, Body, Attributes, MessageAttributes }) =>
        rawOf(lane, {
          receiptHandle: ReceiptHandle ?? '',
          body: Body ?? '',
          attributes: { ...Attributes },
          ...(MessageAttributes ? { messageAttributes: MessageAttributes } : {}),
        }),
      )
      const taken = raws.map((raw) => ({ raw, delivery: this.#read(raw) }))
      await Promise.all(taken.flatMap(({ raw, delivery }) => (delivery === 'dropped' ? [this.#acknowledge(raw)] : [])))
      return taken.flatMap(({ delivery }) => (typeof delivery === 'string' ? [] : [delivery]))
    } catch (error) {
      if (closing.aborted && !options.signal?.aborted) return []
      throw error
    }
  }

  accept(record: SqsRecord) {
    const lane = this.#laneOfName.get(lastPart(record.eventSourceARN, ':'))
    if (!lane) {
      throw new KckError('INVALID_CONFIG', 'A message came from a queue that is none of queue.urls; correct them')
    }
    return this.#read(rawOf(lane, record))
  }

  async depth() {
    const [hot = 0, normal = 0, idle = 0] = await Promise.all(LANES.map((lane) => this.#calls.depth(lane)))
    return { hot, normal, idle }
  }

  async close() {
    this.#closing.abort()
    await Promise.all(LANES.map((lane) => this.#acknowledgements[lane].finish()))
    await this.#calls.close()
  }

  #read(raw: Raw): Delivery | 'unreadable' | 'dropped' {
    const message = readMessage(raw.body, raw.sentAt)
    if ('request' in message) {
      const { origin } = raw
      return this.#deliver(raw, { ...message.request, ...(origin ? { origin } : {}) })
    }
    const { lane } = raw
    if ('dropped' in message) {
      emit({ type: 'queue', action: 'dropped', key: message.dropped, lane, cause: message.reason })
      return 'dropped'
    }
    const details = { reason: message.reason, attempt: raw.attempt }
    const error = new KckError('INVALID_BODY', `A message ${message.unreadable}`, { details })
    emit({ type: 'queue', action: 'unreadable', key: '', lane, cause: message.reason })
    emit({ type: 'fault', where: `reading a message of the ${lane} lane`, code: error.code, error })
    return 'unreadable'
  }

  #deliver(raw: Raw, request: RefreshRequest): Delivery {
    const { lane, receipt, attempt } = raw
    // Whoever hands it back replaces it by then.
    if (attempt > RENEW_AFTER) {
      const reason = `Its workers ended ${attempt - 1} times; a message that goes on like this ends in its dead-letter queue`
      const error = new KckError('INTERNAL', reason, { details: { attempt } })
      emit({
        type: 'fault',
        where: `working on a message of the ${lane} lane`,
        key: request.key,
        code: error.code,
        error,
      })
    }
    return {
      request,
      lane,
      attempt,
      ack: () => this.#acknowledge(raw),
      nack: async (delayMs) => {
        if (attempt < RENEW_AFTER) await this.#calls.hide(lane, receipt, delayMs)
        else await this.#renew(raw, request, delayMs)
      },
      extend: async (ms) => {
        await this.#calls.hide(lane, receipt, ms)
      },
    }
  }

  /** First made sure that it is still ours: else there would be two of it. */
  async #renew(raw: Raw, request: RefreshRequest, delayMs: number): Promise<void> {
    if (!(await this.#calls.hide(raw.lane, raw.receipt, Math.max(delayMs, RENEWING_MS)))) return
    await this.send(raw.lane, [request], { delayMs })
    await this.#acknowledge(raw)
  }

  #acknowledge({ lane, receipt }: Raw): Promise<void> {
    return this.#acknowledgements[lane].add(receipt)
  }
}

function rawOf(
  lane: Lane,
  message: {
    readonly receiptHandle: string
    readonly body: string
    readonly attributes: { readonly ApproximateReceiveCount?: string; readonly SentTimestamp?: string }
    readonly messageAttributes?: ReceivedAttributes
  },
): Raw {
  const { ApproximateReceiveCount = '1', SentTimestamp = '0' } = message.attributes
  return {
    lane,
    receipt: message.receiptHandle,
    body: message.body,
    attempt: Number(ApproximateReceiveCount),
    sentAt: Number(SentTimestamp),
    origin: readOrigin(message.messageAttributes),
  }
}

const lastPart = (text: string, separator: string): string => text.slice(text.lastIndexOf(separator) + 1)

import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Lane, RefreshRequest } from '../../ports/refresh-queue.ts'
import type { SqsCalls } from './calls.ts'
import { MAX_BYTES, writeMessage } from './message.ts'
import { type Attributes, ORIGIN_BYTES, writeOrigin } from './origin.ts'

const MAX_ENTRIES = 10
const CALLS_AT_ONCE = 8
const ATTEMPTS = 5
const FIRST_PAUSE_MS = 50
/** SQS delays a new message by no more. */
const LONGEST_DELAY_MS = 900_000

interface Entry {
  readonly Id: string
  readonly MessageBody: string
  readonly MessageAttributes?: Attributes
  readonly DelaySeconds: number
}

export interface Sending {
  readonly delayMs?: number
  readonly signal?: AbortSignal
}

/**
 * Sends requests in as few calls as SQS allows. What a call refuses in part is sent again; throws when something could
 * not be sent, and then says how much in `details`.
 */
export async function sendAll(
  deps: { readonly calls: SqsCalls; readonly clock: Clock },
  lane: Lane,
  requests: readonly RefreshRequest[],
  { delayMs = 0, signal }: Sending = {},
): Promise<void> {
  signal?.throwIfAborted()
  const DelaySeconds = Math.ceil(Math.min(LONGEST_DELAY_MS, Math.max(0, delayMs)) / 1_000)
  const batches = intoBatches(requests.map(messageOf)).map((messages) =>
    messages.map((message, index): Entry => ({ Id: String(index), ...message, DelaySeconds })),
  )
  let failure: unknown
  let next = 0
  let lost = 0
  const sender = async () => {
    for (let batch = batches[next++]; batch; batch = batches[next++]) {
      const left = await sendBatch(deps, lane, batch, signal).catch((error: unknown) => {
        failure = error
        return batch.length
      })
      lost += left
    }
  }
  await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, batches.length) }, sender))
  signal?.throwIfAborted()
  if (lost > 0) throw notSent(lane, { lost, of: requests.length }, failure)
}

/** How many of its entries SQS did not take. */
async function sendBatch(
  { calls, clock }: { readonly calls: SqsCalls; readonly clock: Clock },
  lane: Lane,
  batch: readonly Entry[],
  signal?: AbortSignal,
): Promise<number> {
  let open = batch
  let refused = 0
  for (let attempt = 0; ; attempt++) {
    const failed = await calls.send(lane, [...open], signal)
    const again = new Set(failed.filter((entry) => entry.again).map((entry) => entry.id))
    refused += failed.length - again.size
    open = open.filter((entry) => again.has(entry.Id))
    if (open.length === 0 || attempt + 1 === ATTEMPTS) return refused + open.length
    await clock.sleep((0.5 + Math.random() / 2) * FIRST_PAUSE_MS * 2 ** attempt, signal)
  }
}

type OneMessage = Pick<Entry, 'MessageBody' | 'MessageAttributes'>

function messageOf(request: RefreshRequest): OneMessage {
  const MessageBody = writeMessage(request)
  const MessageAttributes = writeOrigin(request.origin)
  const fits = MessageAttributes !== undefined && MessageBody.length + ORIGIN_BYTES <= MAX_BYTES
  return { MessageBody, ...(fits ? { MessageAttributes } : {}) }
}

/** Ten to a batch, and not more bytes than a call may have. */
function intoBatches(messages: readonly OneMessage[]): OneMessage[][] {
  const batches: OneMessage[][] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.MessageBody.length + (message.MessageAttributes ? ORIGIN_BYTES : 0)
    const batch = batches.at(-1)
    if (batch && batch.length < MAX_ENTRIES && bytes + size <= MAX_BYTES) {
      batch.push(message)
      bytes += size
    } else {
      batches.push([message])
      bytes = size
    }
  }
  return batches
}

function notSent(lane: Lane, details: { readonly lost: number; readonly of: number }, cause: unknown): KckError {
  // A whole call that failed says best what is wrong.
  if (cause instanceof KckError && details.lost === details.of) return cause
  const message = `The queue of the lane ${lane} did not take ${details.lost} of ${details.of} requests; send them again`
  return new KckError('STORE_UNAVAILABLE', message, { ...(cause ? { cause } : {}), details, retryAfterMs: 1_000 })
}

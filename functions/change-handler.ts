import middy from '@middy/core'
import type { Context, EventBridgeEvent, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { concurrently } from '../src/async/concurrently.ts'
import { readChange } from '../src/change/change-body.ts'
import { KckError } from '../src/errors.ts'
import { emit } from '../src/events.ts'
import { parseJsonStrictly } from '../src/http/json-guard.ts'
import type { Kck } from '../src/kck/kck.ts'
import type { Clock } from '../src/ports/clock.ts'
import { continuing } from '../src/trace/trace.ts'
import { beforeItEnds } from './before-it-ends.ts'

export interface ChangeSystem {
  readonly kck: Pick<Kck, 'changed'>
  readonly clock: Clock
}

/** An event of EventBridge, as it comes directly or as the body of a message. */
type BusEvent = Pick<EventBridgeEvent<string, unknown>, 'id' | 'detail'>

const AT_ONCE = 5

/**
 * A function that is told what changed, in the form of `POST /changed`: by SQS, with `ReportBatchItemFailures`, whose
 * messages are a change or an event of EventBridge with one as its `detail`; or by EventBridge itself. A message that was
 * marked once is not marked again for a day. One that cannot be understood fails like any other: it ends in the dead-letter
 * queue, where somebody sees it.
 */
export function createChangeHandler(system: () => Promise<ChangeSystem>) {
  return middy<SQSEvent | BusEvent, SQSBatchResponse | undefined>().handler(async (event, context) => {
    const { kck, clock } = await system()
    if ('Records' in event && Array.isArray(event.Records)) return handleBatch({ kck, clock }, event.Records, context)
    if (!isBusEvent(event))
      throw new KckError('INVALID_CONFIG', 'This function expects SQS or EventBridge; correct its event source')
    await beforeItEnds(context, clock, (signal) =>
      continuing({ requestId: event.id }, () => announce(kck, event, `event ${event.id}`, signal)),
    )
    return undefined
  })
}

async function handleBatch(
  { kck, clock }: ChangeSystem,
  records: readonly SQSRecord[],
  context: Context,
): Promise<SQSBatchResponse> {
  const failures = await beforeItEnds(context, clock, (signal) =>
    concurrently(records, AT_ONCE, async ({ body, messageId }) => {
      try {
        signal.throwIfAborted()
        const change = parseJsonStrictly(body)
        await continuing({ requestId: messageId }, () => announce(kck, change, `message ${messageId}`, signal))
        return []
      } catch (error) {
        emit({ type: 'fault', where: 'a message that says what changed', error })
        return [{ itemIdentifier: messageId }]
      }
    }),
  )
  return { batchItemFailures: failures.flat() }
}

async function announce(
  kck: ChangeSystem['kck'],
  said: unknown,
  messageId: string,
  signal: AbortSignal,
): Promise<void> {
  // The same event may come in two messages.
  const [change, id] = isBusEvent(said) ? [said.detail, `event ${said.id}`] : [said, messageId]
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    throw new KckError('INVALID_BODY', 'A change is an object')
  }
  await kck.changed(readChange(change as Readonly<Record<string, unknown>>), { id, signal })
}

function isBusEvent(value: unknown): value is BusEvent {
  return typeof value === 'object' && value !== null && 'detail-type' in value && 'detail' in value && 'id' in value
}

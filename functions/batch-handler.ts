import middy, { type MiddlewareObj } from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { SqsRefreshQueue } from '../src/adapters/sqs/refresh-queue.ts'
import { KckError } from '../src/errors.ts'
import type { Work } from '../src/kck/kck.ts'
import type { Clock } from '../src/ports/clock.ts'
import { refreshBatch } from '../src/refresh/batch.ts'
import { beforeItEnds } from './before-it-ends.ts'

export interface RefreshSystem {
  readonly kck: { readonly work: Work }
  readonly queue: Pick<SqsRefreshQueue, 'accept'>
  readonly clock: Clock
}

type BatchMiddleware = MiddlewareObj<SQSEvent, SQSBatchResponse>

/** Refreshes of one invocation at a time. The sources are protected by their budgets; this spares the memory. */
const CONCURRENCY = 5
/** Milliseconds until a message of a function that was killed comes again. */
const VISIBILITY_MS = 30_000

/** A function behind the lanes' queues, with `ReportBatchItemFailures`. What it throws brings the whole batch again. */
export function createBatchHandler(system: () => Promise<RefreshSystem>) {
  return middy<SQSEvent, SQSBatchResponse>()
    .use(wellFormed)
    .handler(async (event, context) => handleBatch(await system(), event.Records, context))
}

/** An answer without failures says that all is done, so what is no batch must not get one. */
const wellFormed: BatchMiddleware = {
  before({ event }) {
    if (!Array.isArray(event?.Records)) {
      throw new KckError('INVALID_CONFIG', 'This function expects batches of SQS; correct its event source')
    }
  },
}

async function handleBatch({ kck, queue, clock }: RefreshSystem, records: readonly SQSRecord[], context: Context) {
  const accepted = records.map((record) => ({ id: record.messageId, delivery: queue.accept(record) }))
  const deliveries = accepted.flatMap(({ delivery }) => (typeof delivery === 'string' ? [] : [delivery]))
  const again = await beforeItEnds(context, clock, (signal) =>
    refreshBatch({ work: kck.work, clock }, deliveries, {
      concurrency: CONCURRENCY,
      visibilityMs: VISIBILITY_MS,
      signal,
    }),
  )
  const failed = new Set([...again, 'unreadable' as const])
  return {
    batchItemFailures: accepted.flatMap(({ id, delivery }) =>
      delivery !== 'dropped' && failed.has(delivery) ? [{ itemIdentifier: id }] : [],
    ),
  }
}

import type { SQSEvent } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { createBatchHandler } from '../../../functions/batch-handler.ts'
import { createSqsRefreshQueue } from '../../../src/adapters/sqs/refresh-queue.ts'
import { KckError } from '../../../src/errors.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'
import { contextOf, type EventMessage, sqsEvent } from '../../support/sqs/event.ts'
import { stubClient, stubUrls } from '../../support/sqs/stub-client.ts'

function setUp() {
  const source = { began: [] as string[], running: 0, most: 0, ms: 0 }
  const primer = testPrimer({
    name: 'customer_orders',
    softTtlMs: 3_600_000,
    compute: async (_context, { id }) => {
      source.began.push(String(id))
      source.running += 1
      source.most = Math.max(source.most, source.running)
      await made.clock.sleep(source.ms)
      source.running -= 1
      if (id === 'poison') throw new KckError('COMPUTE_FAILED', 'no')
      return source.began.length
    },
  })
  const cycle = testPrimer({ name: 'self_cycle', compute: (context, { id }) => context.get(`self_cycle/${id}`) })
  const made = testKck([primer, cycle])
  const { clock, kck } = made
  const stub = stubClient()
  const queue = createSqsRefreshQueue({ urls: stubUrls, client: stub.client, clock })
  const handler = createBatchHandler(async () => ({ kck, queue, clock }))
  const invoke = async (messages: readonly EventMessage[], remainingMs?: number) => {
    const { batchItemFailures } = await clock.run(handler(sqsEvent(messages), contextOf(remainingMs)))
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
  }
  /** Receipts and seconds of the messages that were hidden. */
  const hidden = () =>
    stub
      .inputs('ChangeMessageVisibility')
      .map(({ ReceiptHandle, VisibilityTimeout }) => [ReceiptHandle.replace('receipt of ', ''), VisibilityTimeout])
  const deleted = () =>
    stub
      .inputs('DeleteMessageBatch')
      .flatMap(({ Entries }) => Entries.map(({ ReceiptHandle }: { ReceiptHandle: string }) => ReceiptHandle))
      .map((receipt) => receipt.replace('receipt of ', ''))
  return { ...made, source, handler, invoke, hidden, deleted, stub }
}

const good = { id: 'good', body: { key: 'customer_orders/mate' } }
const request = (id: string, more: object = {}) => ({ id, body: { key: `customer_orders/${id}`, ...more } })

describe('messages of bad-inputs.json', () => {
  test.each([
    ['message-01', ''],
    ['message-02', 'not json'],
    ['message-05', '{"v":99,"key":"customer_orders/1"}'],
    ['message-07', '{"v":1,"key":"customer_orders/1","gen":-1}'],
  ])('%s is left to the dead-letter queue, and its mate is done', async (id, body) => {
    const { invoke, source, hidden, deleted } = setUp()
    const events = await recordEvents(async () => {
      expect(await invoke([{ id, body }, good])).toEqual([id])
    })
    expect([source.began, deleted(), hidden()]).toEqual([['mate'], ['good'], []])
    const reason = id === 'message-05' ? 'UNKNOWN_VERSION' : 'UNREADABLE'
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'fault', error: expect.objectContaining({ details: { reason, attempt: 1 } }) }),
    )
  })

  test.each([
    ['message-06', { key: 'nope/1' }, 'manual'],
    ['message-10', { key: 'customer_orders/1', depth: 1000 }, 'REFRESH_DEPTH_EXCEEDED'],
  ])('%s is acknowledged without a compute, and counted', async (id, body, cause) => {
    const { invoke, source } = setUp()
    const events = await recordEvents(async () => {
      expect(await invoke([{ id, body }])).toEqual([])
    })
    expect(source.began).toEqual([])
    expect(events).toContainEqual({ type: 'queue', action: 'dropped', key: body.key, lane: 'normal', cause })
  })

  test('message-11: a product that reads itself is tried ever later, then parked and acknowledged', async () => {
    const { invoke, clock } = setUp()
    const message = { id: 'message-11', body: { key: 'self_cycle/1' } }
    let tries = 0
    for (; (await invoke([message, good])).length > 0; tries++) await clock.advance(600_000)
    expect(tries).toBe(9)
  })

  test('message-12: the same request three times is one compute and three acknowledgements', async () => {
    const { invoke, source, deleted } = setUp()
    source.ms = 1_000
    const same = { key: 'customer_orders/1', cause: 'change', at: 1 }
    expect(await invoke(['a', 'b', 'c'].map((id) => ({ id, body: same })))).toEqual([])
    expect([source.began, deleted().sort()]).toEqual([['1'], ['a', 'b', 'c']])
  })

  test('message-14: a request that is older than the value is acknowledged without a compute', async () => {
    const { invoke, source, clock } = setUp()
    expect(await invoke([request('1', { at: clock.now() })])).toEqual([])
    await clock.advance(1_000)
    expect(await invoke([request('1', { at: clock.now() - 600_000 })])).toEqual([])
    expect(source.began).toEqual(['1'])
  })

  test('message-16: a message that came 9999 times goes the same ways', async () => {
    const { invoke, hidden } = setUp()
    const often = { receiveCount: 9999 }
    const failing = [
      { id: 'unreadable', body: '', ...often },
      { ...request('poison'), ...often },
    ]
    expect(await invoke([...failing, { ...good, ...often }])).toEqual(['unreadable', 'poison'])
    expect(hidden()).toEqual([['poison', 30]])
  })

  test('message-17: no records is no failure', async () => {
    expect(await setUp().invoke([])).toEqual([])
  })

  test.each([{}, { Records: 'missing' }, { Records: null }, null])(
    'message-18: %j is refused, so that the whole batch comes again',
    async (event) => {
      const answer = setUp().handler(event as unknown as SQSEvent, contextOf())
      await expect(answer).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    },
  )
})

test('a queue that is none of the lanes is refused, and so is a system that does not start', async () => {
  const { invoke } = setUp()
  const foreign = invoke([{ ...good, arn: 'arn:aws:sqs:eu-central-1:1:other' }])
  await expect(foreign).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  const broken = createBatchHandler(() => Promise.reject(new KckError('STORE_UNAVAILABLE', 'no')))
  await expect(broken(sqsEvent([good]), contextOf())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('what is worth more comes first, whatever came first; five at a time', async () => {
  const { invoke, source, kck, clock } = setUp()
  const [dear, cheap] = [
    ['a', 'b', 'c'],
    ['1', '2', '3', '4'],
  ]
  source.ms = 9_000
  for (const id of dear) await clock.run(kck.get(`customer_orders/${id}`))
  source.ms = 100
  for (const id of cheap) await clock.run(kck.get(`customer_orders/${id}`))
  for (const id of [...dear, ...cheap]) await clock.run(kck.invalidate(`customer_orders/${id}`))
  source.began = []
  const messages = [...dear, ...cheap].map((id) => request(id, { cause: 'change', at: clock.now() }))
  expect(await invoke(messages)).toEqual([])
  expect(source.began).toEqual([...cheap, ...dear])
  expect(source.most).toBe(5)
})

test('a failing key comes again when its row says so, and its mates never notice', async () => {
  const { invoke, hidden, deleted, clock } = setUp()
  const expected = [1, 2, 4, 8]
  for (const seconds of expected) {
    expect(await invoke([request('poison'), good])).toEqual(['poison'])
    const [id, delay] = hidden().at(-1) ?? []
    expect(id).toBe('poison')
    expect(delay).toBeGreaterThanOrEqual(Math.floor(seconds * 0.75))
    expect(delay).toBeLessThanOrEqual(Math.ceil(seconds * 1.25))
    await clock.advance(2_000 * seconds)
  }
  expect(deleted()).toEqual(expected.map(() => 'good'))
})

test('messages stay with the function while it works, and while they wait for their turn', async () => {
  const { invoke, source, hidden } = setUp()
  source.ms = 14_000
  const ids = ['1', '2', '3', '4', '5', '6']
  expect(await invoke(ids.map((id) => request(id)))).toEqual([])
  expect(hidden()).toEqual([...ids.map((id) => [id, 30]), ['6', 30]])
})

test('what is not finished when the function ends comes again at once', async () => {
  const { invoke, source, hidden, deleted, clock, kck } = setUp()
  const ids = ['1', '2', '3', '4', '5', '6', '7']
  expect(await invoke([good])).toEqual([])
  source.ms = 60_000
  const startedAt = clock.now()
  expect((await invoke([good, ...ids.map((id) => request(id))], 12_000)).sort()).toEqual(ids)
  expect(clock.now() - startedAt).toBe(9_000)
  expect(source.began).toEqual(['mate', '1', '2', '3', '4', '5'])
  expect(deleted()).toEqual(['good', 'good'])
  expect(hidden().sort()).toEqual(ids.map((id) => [id, 0]))

  // Another function gets them, and no lease is in its way.
  source.ms = 1_000
  expect(await clock.run(kck.fetchMany(ids.map((id) => `customer_orders/${id}`)))).toHaveLength(7)
  expect(await invoke(ids.map((id) => ({ ...request(id), receiveCount: 2 })))).toEqual([])
})

test('a message whose workers end again and again is a fault before it is in the dead-letter queue', async () => {
  const { invoke } = setUp()
  const faults = async (receiveCount: number) => {
    const events = await recordEvents(() => invoke([{ ...request('1'), receiveCount }]))
    return events.flatMap((event) => (event.type === 'fault' ? [event.key] : []))
  }
  expect(await faults(3)).toEqual([])
  expect(await faults(4)).toEqual(['customer_orders/1'])
})

test('a message that cannot be settled is still reported for what it is', async () => {
  const { kck, clock } = setUp()
  const { client } = stubClient(() => Promise.reject(new Error('SQS is down')))
  const queue = createSqsRefreshQueue({ urls: stubUrls, client, clock })
  const handler = createBatchHandler(async () => ({ kck, queue, clock }))
  const answer = await clock.run(handler(sqsEvent([request('poison'), good]), contextOf()))
  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'poison' }] })
})

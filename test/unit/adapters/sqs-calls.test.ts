import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { MAX_BYTES } from '../../../src/adapters/sqs/message.ts'
import { createSqsRefreshQueue } from '../../../src/adapters/sqs/refresh-queue.ts'
import type { RefreshRequest } from '../../../src/ports/refresh-queue.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { sqsClient } from '../../support/sqs/client.ts'
import { type SqsCall, stubClient, stubUrls } from '../../support/sqs/stub-client.ts'

function setUp(answer?: (call: SqsCall) => unknown) {
  const clock = new VirtualClock()
  const stub = stubClient(answer)
  return { ...stub, clock, queue: createSqsRefreshQueue({ urls: stubUrls, client: stub.client, clock }) }
}

const requests = (count: number, more: Partial<RefreshRequest> = {}): RefreshRequest[] =>
  Array.from({ length: count }, (_, index) => ({ key: `product/${index}`, cause: 'change', at: 1, ...more }))

const keysOf = (inputs: { Entries: { MessageBody: string }[] }[]) =>
  inputs.map(({ Entries }) => Entries.map(({ MessageBody }) => JSON.parse(MessageBody).key))

const message = (body: object, receiveCount = 1) => ({
  MessageId: 'm',
  ReceiptHandle: 'r',
  Body: JSON.stringify({ v: 1, key: 'product/1', ...body }),
  Attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '1' },
})

test('requests are sent in tens', async () => {
  const { queue, clock, inputs } = setUp()
  await clock.run(queue.send('normal', requests(25)))
  expect(keysOf(inputs('SendMessageBatch')).map((batch) => batch.length)).toEqual([10, 10, 5])
  expect(keysOf(inputs('SendMessageBatch')).flat()).toEqual(requests(25).map(({ key }) => key))
})

test('a batch holds no more bytes than a call may have', async () => {
  const { queue, clock, inputs } = setUp()
  await clock.run(queue.send('normal', requests(12, { changes: ['x'.repeat(300_000)] })))
  const sizes = inputs('SendMessageBatch').map(({ Entries }) =>
    Entries.reduce((sum: number, { MessageBody }: { MessageBody: string }) => sum + MessageBody.length, 0),
  )
  expect(sizes).toHaveLength(4)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_BYTES)
})

test('what a call takes only in part is sent until all is sent', async () => {
  let refusals = 3
  const { queue, clock, inputs } = setUp(({ input }) => {
    const Failed = refusals-- > 0 ? input.Entries.slice(1).map(({ Id }: { Id: string }) => ({ Id, Code: 'Busy' })) : []
    return { Failed }
  })
  await clock.run(queue.send('normal', requests(5)))
  expect(keysOf(inputs('SendMessageBatch')).map((batch) => batch.length)).toEqual([5, 4, 3, 2])
})

test.each([
  ['again and again', false, 5],
  ['by our own fault', true, 1],
])('what is refused %s is lost, and that is said', async (_, SenderFault, calls) => {
  const { queue, clock, inputs } = setUp(({ input }) => {
    const refused = input.Entries.filter(({ MessageBody }: { MessageBody: string }) =>
      /"product\/1?3"/.test(MessageBody),
    )
    return { Failed: refused.map(({ Id }: { Id: string }) => ({ Id, SenderFault, Code: 'No' })) }
  })
  await expect(clock.run(queue.send('hot', requests(20)))).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    details: { lost: 2, of: 20 },
  })
  expect(inputs('SendMessageBatch')).toHaveLength(2 * calls)
})

test('a call that fails does not hide what became of the others', async () => {
  const { queue, clock } = setUp(({ input }) => {
    if (input.Entries[0].MessageBody.includes('"product/10"')) throw new Error('no answer')
    return {}
  })
  await expect(clock.run(queue.send('hot', requests(30)))).rejects.toMatchObject({ details: { lost: 10, of: 30 } })
})

test('delays are whole seconds, and no longer than SQS has them', async () => {
  const { queue, clock, inputs } = setUp()
  for (const delayMs of [0, 1, 1500, 900_000, 43_200_000]) await clock.run(queue.send('idle', requests(1), { delayMs }))
  expect(inputs('SendMessageBatch').map(({ Entries }) => Entries[0].DelaySeconds)).toEqual([0, 1, 2, 900, 900])
})

test('hiding lasts at most twelve hours', async () => {
  const { queue, inputs } = setUp(() => ({ Messages: [message({})] }))
  const options = { waitMs: 60_000, visibilityMs: 90_000_000 }
  const [delivery] = await queue.receive('idle', 50, options)
  await delivery?.nack(43_200_000)
  await delivery?.extend(43_300_000)
  expect(inputs('ReceiveMessage')).toMatchObject([
    { MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 43_200 },
  ])
  expect(inputs('ChangeMessageVisibility').map((input) => input.VisibilityTimeout)).toEqual([43_200, 43_200])
})

test('acknowledgements of one moment share a call', async () => {
  const { queue, clock, inputs } = setUp(({ name }) =>
    name === 'ReceiveMessage' ? { Messages: Array.from({ length: 10 }, () => message({})) } : {},
  )
  const deliveries = [
    ...(await queue.receive('hot', 10, { waitMs: 0, visibilityMs: 30_000 })),
    ...(await queue.receive('hot', 10, { waitMs: 0, visibilityMs: 30_000 })),
  ]
  await clock.run(Promise.all(deliveries.slice(0, 13).map((delivery) => delivery.ack())))
  expect(inputs('DeleteMessageBatch').map(({ Entries }) => Entries.length)).toEqual([10, 3])
})

test('each acknowledgement hears of its own failure, and none is left behind when the queue closes', async () => {
  const { queue, calls } = setUp(({ name }) => {
    if (name === 'ReceiveMessage') return { Messages: [message({}), message({}), message({})] }
    return {
      Failed: [
        { Id: '1', Code: 'InternalError' },
        { Id: '2', Code: 'ReceiptHandleIsInvalid' },
      ],
    }
  })
  const deliveries = await queue.receive('hot', 10, { waitMs: 0, visibilityMs: 30_000 })
  const settled = Promise.allSettled(deliveries.map((delivery) => delivery.ack()))
  await queue.close()
  expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(calls.map(({ name }) => name)).toEqual(['ReceiveMessage', 'DeleteMessageBatch'])
})

test('retries do not count towards the dead-letter queue: a message that comes back often is replaced', async () => {
  for (const attempt of [1, 2, 3, 4, 9999]) {
    const { queue, clock, calls } = setUp(({ name }) =>
      name === 'ReceiveMessage' ? { Messages: [message({ changes: [7] }, attempt)] } : {},
    )
    const [delivery] = await queue.receive('hot', 1, { waitMs: 0, visibilityMs: 30_000 })
    expect(delivery?.attempt).toBe(attempt)
    await clock.run(delivery?.nack(2_000) ?? Promise.reject())
    const renewed = ['ChangeMessageVisibility', 'SendMessageBatch', 'DeleteMessageBatch']
    expect(calls.slice(1).map(({ name }) => name)).toEqual(attempt < 3 ? renewed.slice(0, 1) : renewed)
  }
})

test('a message that is not held any more is not replaced', async () => {
  const lost = Object.assign(
    new Error('Reason: Message does not exist or is not available for visibility timeout change.'),
    {
      name: 'InvalidParameterValue',
    },
  )
  const { queue, calls } = setUp(({ name }) => {
    if (name === 'ReceiveMessage') return { Messages: [message({}, 4)] }
    throw lost
  })
  const [delivery] = await queue.receive('hot', 1, { waitMs: 0, visibilityMs: 30_000 })
  await delivery?.nack(2_000)
  await delivery?.extend(2_000)
  expect(calls.map(({ name }) => name)).toEqual([
    'ReceiveMessage',
    'ChangeMessageVisibility',
    'ChangeMessageVisibility',
  ])
})

test('an error says which lane, and whether to correct the settings', async () => {
  const failing = (name: string) => setUp(() => Promise.reject(Object.assign(new Error('secret'), { name }))).queue
  const outage = { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/lane hot/) }
  await expect(failing('TimeoutError').depth()).rejects.toMatchObject(outage)
  const missing = { code: 'INVALID_CONFIG', message: expect.stringMatching(/queue\.urls\.idle/) }
  await expect(failing('QueueDoesNotExist').send('idle', requests(1))).rejects.toMatchObject(missing)
})

/** A server that takes requests and never answers. */
async function silentServer() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = sqsClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return {
    queue: createSqsRefreshQueue({ urls: stubUrls, client, clock: new VirtualClock() }),
    asked: once(server, 'request').then(([request]) => request as IncomingMessage),
    async close() {
      client.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('an aborted receive ends its HTTP call', async () => {
  const server = await silentServer()
  const stop = new AbortController()
  const reason = new Error('the worker stops')
  const receiving = server.queue.receive('hot', 1, { waitMs: 20_000, visibilityMs: 1_000, signal: stop.signal })
  const request = await server.asked
  const ended = new Promise((resolve) => request.once('error', resolve))
  stop.abort(reason)
  await expect(receiving).rejects.toBe(reason)
  expect(await ended).toMatchObject({ code: 'ECONNRESET' })
  await server.close()
})

test('a queue that is closed receives no more', async () => {
  const server = await silentServer()
  const receiving = server.queue.receive('hot', 1, { waitMs: 20_000, visibilityMs: 1_000 })
  await server.asked
  await server.queue.close()
  expect(await receiving).toEqual([])
  expect(await server.queue.receive('hot', 1, { waitMs: 20_000, visibilityMs: 1_000 })).toEqual([])
  await server.close()
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBatchHandler } from '../../functions/batch-handler.ts'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import { createSqsRefreshQueue, type SqsRefreshQueue } from '../../src/adapters/sqs/refresh-queue.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import { KckError } from '../../src/errors.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import type { RefreshQueue, RefreshRequest } from '../../src/ports/refresh-queue.ts'
import type { Store } from '../../src/ports/store.ts'
import { RefreshWorker, type WorkerOptions } from '../../src/refresh/worker.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { testPrimer, testRegistry } from '../support/kck.ts'
import { sqsClient } from '../support/sqs/client.ts'
import { peekTexts, pollAsLambda, sendRaw } from '../support/sqs/lambda.ts'
import { startSqs, type TestLanes } from '../support/sqs/server.ts'

const server = await startSqs()
const clock = systemClock
const empty = { hot: 0, normal: 0, idle: 0 }

afterAll(() => server.close())

describe.each(['memory', 'lmdb'] as const)('messages of SQS over a store in %s', (kind) => {
  let folder: string
  let store: Store
  let lanes: TestLanes
  let queue: SqsRefreshQueue
  let computes: string[]
  let computeMs: number
  let stopping: AbortController
  let workers: Promise<void>[]

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kck-sqs-'))
    store = kind === 'memory' ? openMemoryStore({ clock }) : openLmdbStore({ path: folder, clock })
    lanes = await server.createLanes()
    queue = newQueue()
    computes = []
    computeMs = 0
    stopping = new AbortController()
    workers = []
  })
  afterEach(async () => {
    stopping.abort()
    await Promise.all(workers)
    await queue.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const newQueue = () => createSqsRefreshQueue({ urls: lanes.urls, client: server.client, clock })
  const primer = testPrimer({
    name: 'product',
    compute: async (_context, { id }) => {
      computes.push(String(id))
      await sleep(computeMs)
      if (id === 'failing') throw new KckError('COMPUTE_FAILED', 'no')
      return computes.length
    },
  })
  /** As another process has it: only the store is shared. */
  const newKck = () =>
    createKck({
      registry: testRegistry([primer]),
      store,
      sources: new Map(),
      queue,
      clock,
      entropy: systemEntropy,
      options: { nearCacheBytes: 0, retry: { firstMs: 500, maxMs: 1_000, parkAfter: 10 } },
    })
  const startWorker = (from: RefreshQueue, options: WorkerOptions = {}) => {
    const worker = new RefreshWorker({ queue: from, work: newKck().work, clock }, { waitMs: 1_000, ...options })
    workers.push(worker.run(stopping.signal))
  }
  const request = (id: string | number): RefreshRequest => ({ key: `product/${id}`, cause: 'change', at: clock.now() })
  const emptied = (ms = 20_000) => expect.poll(() => queue.depth(), { timeout: ms, interval: 50 }).toEqual(empty)
  const invocations = () => createBatchHandler(async () => ({ kck: newKck(), queue, clock }))

  test('duplicates, in any order and for several workers, are one compute for each key', async () => {
    const ids = Array.from({ length: 20 }, (_, id) => id)
    const scattered = [...ids, ...ids.toReversed(), ...ids].map((id, place) => ({ id, place: (place * 37) % 61 }))
    for (const { id } of scattered.sort((a, b) => a.place - b.place)) await queue.send('normal', [request(id)])
    await queue.send('hot', ids.map(request))
    computeMs = 20
    startWorker(newQueue())
    startWorker(newQueue())
    await emptied()
    expect(computes.map(Number).sort((a, b) => a - b)).toEqual(ids)
  })

  test('requests whose answer is lost are there more often, and done once', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: server.port })
    const client = sqsClient(`http://127.0.0.1:${proxy.port}`, 300)
    const sending = createSqsRefreshQueue({ urls: lanes.urls, client, clock })
    try {
      proxy.set({ blackHole: 'down' })
      const unsure = sending.send('normal', [1, 2, 3].map(request))
      await expect(unsure).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      proxy.set({})
      expect((await queue.depth()).normal).toBeGreaterThanOrEqual(3)
      await sending.send('normal', [1, 2, 3].map(request))
    } finally {
      await sending.close()
      client.destroy()
      await proxy.close()
    }
    startWorker(newQueue())
    await emptied()
    expect(computes.sort()).toEqual(['1', '2', '3'])
  })

  test('what nobody can read ends in the dead-letter queue, and its batch mates are done', async () => {
    const poison = ['not json', '{"v":99,"key":"product/1"}']
    for (const text of poison) await sendRaw(server.client, lanes.urls.normal, text)
    await queue.send('normal', ['1', '2', 'unknown/key', '3'].map(request))
    const polls = {
      client: server.client,
      lanes,
      lane: 'normal',
      handler: invocations(),
      visibilitySeconds: 1,
    } as const
    for (let polled = 0; polled < 40 && (await queue.depth()).normal > 0; polled++) await pollAsLambda(polls)
    expect(await queue.depth()).toEqual(empty)
    expect([...(await peekTexts(server.client, lanes.deadLetters.normal))].sort()).toEqual(poison.toSorted())
    expect(computes.sort()).toEqual(['1', '2', '3'])
  })

  test('a key that fails often is parked by its row, not by the dead-letter queue', async () => {
    await queue.send('normal', ['failing', '1'].map(request))
    startWorker(newQueue())
    await emptied(40_000)
    expect(await peekTexts(server.client, lanes.deadLetters.normal)).toEqual([])
    expect(computes.filter((id) => id === 'failing')).toHaveLength(10)
  }, 60_000)

  test('a compute that is longer than the visibility keeps its message', async () => {
    computeMs = 3_500
    const received: string[] = []
    const counting = countReceived(newQueue(), received)
    await queue.send('normal', [request(1)])
    startWorker(counting, { visibilityMs: 2_000 })
    startWorker(counting, { visibilityMs: 2_000 })
    await emptied()
    expect([computes, received]).toEqual([['1'], ['product/1']])
  })

  test('a compute whose message went to another worker meanwhile has its effect once', async () => {
    computeMs = 2_500
    const received: string[] = []
    const forgetful = countReceived(newQueue(), received, { extend: async () => undefined })
    await queue.send('normal', [request(1)])
    startWorker(forgetful, { visibilityMs: 1_000 })
    startWorker(forgetful, { visibilityMs: 1_000 })
    await emptied()
    expect(computes).toEqual(['1'])
    expect(received.length).toBeGreaterThan(1)
  })
})

/** A queue that notes what is received from it, with deliveries changed in these points. */
function countReceived(
  queue: RefreshQueue,
  received: string[],
  changes: { extend?: () => Promise<void> } = {},
): RefreshQueue {
  return {
    send: (...all) => queue.send(...all),
    receive: async (...all) =>
      (await queue.receive(...all)).map((delivery) => {
        received.push(delivery.request.key)
        return { ...delivery, ...changes }
      }),
    depth: () => queue.depth(),
    close: () => queue.close(),
  }
}

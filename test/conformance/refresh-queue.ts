import { expect } from 'vitest'
import type { Delivery, Lane, RefreshQueue, RefreshRequest } from '../../src/ports/refresh-queue.ts'
import { type SuiteOptions, suite, unique } from './suite.ts'

export interface QueueHarness {
  /** Empty. */
  readonly queue: RefreshQueue
  /** A second client of the same lanes. Default: `queue` itself. */
  another?(): Promise<RefreshQueue>
  /** Lets `ms` pass for the queue, by a virtual clock or by waiting. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

/** What every `RefreshQueue` must do. All times are whole seconds, because some queues know nothing smaller. */
export function refreshQueueConformance(
  name: string,
  factory: () => Promise<QueueHarness>,
  options: SuiteOptions = {},
): void {
  suite<QueueHarness>({ name: `RefreshQueue: ${name}`, factory, options }, (check) => {
    delivery(check)
    visibility(check)
    sharing(check)
    ending(check)
  })
}

type Check = Parameters<Parameters<typeof suite<QueueHarness>>[1]>[0]

function delivery(check: Check): void {
  check('a request arrives in its lane as it was sent', async (harness) => {
    const sent: RefreshRequest[] = [
      { ...request(), changes: [{ table: 'shop.public.orders', key: { id: 7 }, before: null }, 'тег 🙂'] },
      request(`${unique('k')}/日本語%2F/${'x'.repeat(1000)}`),
      request(),
    ]
    await harness.queue.send('normal', sent)
    await harness.queue.send('normal', [])
    expect(await take(harness, 'hot', 10)).toEqual([])
    const received = await takeAll(harness, 'normal', 3)
    expect(byKey(received.map((each) => each.request))).toEqual(byKey(sent))
    for (const each of received) expect([each.lane, each.attempt]).toEqual(['normal', 1])
  })

  check('a request says where it comes from', async (harness) => {
    const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
    const sent = [
      { ...request(), origin: { requestId: 'r-1', trace } },
      { ...request(), origin: { requestId: 'r-2' } },
    ]
    await harness.queue.send('normal', sent)
    const received = await takeAll(harness, 'normal', 2)
    expect(byKey(received.map((each) => each.request))).toEqual(byKey(sent))
  })

  check('each lane is its own', async (harness) => {
    for (const lane of LANES) await harness.queue.send(lane, [request(lane)])
    for (const lane of LANES) {
      const [only, ...more] = await takeAll(harness, lane, 1)
      expect([only?.request.key, only?.lane, more.length]).toEqual([lane, lane, 0])
    }
  })

  check('receive gives at most what was asked for', async (harness) => {
    await harness.queue.send('normal', requests(5))
    expect((await take(harness, 'normal', 2)).length).toBeLessThanOrEqual(2)
  })

  check('a delayed request arrives when its delay is over', async (harness) => {
    await harness.queue.send('normal', [request('later')], { delayMs: 3000 })
    await harness.queue.send('normal', [request('now')], { delayMs: 0 })
    expect((await takeAll(harness, 'normal', 1)).map(keyOf)).toEqual(['now'])
    await harness.advance(1000)
    expect(await take(harness, 'normal', 10)).toEqual([])
    await harness.advance(3000)
    expect((await takeAll(harness, 'normal', 1)).map(keyOf)).toEqual(['later'])
  })

  check('receive waits for the first request', async (harness) => {
    const waiting = harness.queue.receive('idle', 10, { waitMs: 20_000, visibilityMs: 60_000 })
    await harness.advance(1000)
    await harness.queue.send('idle', [request('at last')])
    expect((await drive(harness, waiting)).map(keyOf)).toEqual(['at last'])
  })

  check('receive gives up after its wait', async (harness) => {
    const waiting = harness.queue.receive('idle', 10, { waitMs: 2000, visibilityMs: 60_000 })
    expect(await drive(harness, waiting)).toEqual([])
  })
}

function visibility(check: Check): void {
  check('what is not acknowledged comes back, counted', async (harness) => {
    await harness.queue.send('normal', [request('again')])
    for (const attempt of [1, 2, 3]) {
      const [only] = await takeAll(harness, 'normal', 1, 4000)
      expect([only?.request.key, only?.attempt]).toEqual(['again', attempt])
      expect(await take(harness, 'normal', 10, 4000), 'nobody else gets it meanwhile').toEqual([])
      await harness.advance(5000)
    }
  })

  check('what is acknowledged never comes back', async (harness) => {
    await harness.queue.send('normal', requests(3))
    const received = await takeAll(harness, 'normal', 3, 2000)
    await Promise.all(received.map((each) => each.ack()))
    await received[0]?.ack()
    await harness.advance(4000)
    expect(await take(harness, 'normal', 10)).toEqual([])
  })

  check('what is handed back comes again after its delay', async (harness) => {
    await harness.queue.send('normal', [request('soon'), request('later')])
    for (const each of await takeAll(harness, 'normal', 2)) await each.nack(keyOf(each) === 'soon' ? 0 : 4000)
    const [soon] = await takeAll(harness, 'normal', 1)
    expect([soon?.request.key, soon?.attempt]).toEqual(['soon', 2])
    await harness.advance(1000)
    expect(await take(harness, 'normal', 10)).toEqual([])
    await harness.advance(4000)
    const [later] = await takeAll(harness, 'normal', 1)
    expect([later?.request.key, later?.attempt]).toEqual(['later', 2])
  })

  check('what is extended stays with its receiver', async (harness) => {
    await harness.queue.send('normal', [request('long')])
    const [long] = await takeAll(harness, 'normal', 1, 4000)
    await harness.advance(2000)
    await long?.extend(8000)
    await harness.advance(5000)
    expect(await take(harness, 'normal', 10)).toEqual([])
    await harness.advance(5000)
    expect((await takeAll(harness, 'normal', 1)).map(keyOf)).toEqual(['long'])
  })

  check('a receiver that is too late takes nothing from the next one', async (harness) => {
    await harness.queue.send('normal', [request('handed over')])
    const [first] = await takeAll(harness, 'normal', 1, 2000)
    await harness.advance(3000)
    const [second] = await takeAll(harness, 'normal', 1, 20_000)
    expect(second?.attempt).toBe(2)
    await first?.nack(0)
    await first?.extend(1000)
    await harness.advance(2000)
    expect(await take(harness, 'normal', 10)).toEqual([])
    await second?.ack()
    await first?.nack(0)
    await harness.advance(1000)
    expect(await take(harness, 'normal', 10)).toEqual([])
  })
}

function sharing(check: Check): void {
  check('8 receivers share 200 requests, none is lost and none is given twice', async (harness) => {
    const sent = requests(200)
    for (let from = 0; from < sent.length; from += 50) await harness.queue.send('normal', sent.slice(from, from + 50))
    const other = (await harness.another?.()) ?? harness.queue
    const received: string[] = []
    const receiver = async (queue: RefreshQueue) => {
      while (received.length < sent.length) {
        const got = await queue.receive('normal', 7, { waitMs: 0, visibilityMs: 600_000 })
        received.push(...got.map(keyOf))
        await Promise.all(got.map((each) => each.ack()))
      }
    }
    await drive(
      harness,
      Promise.all(Array.from({ length: 8 }, (_, each) => receiver(each % 2 ? other : harness.queue))),
    )
    expect(received.sort()).toEqual(sent.map((each) => each.key).sort())
    expect(await take(harness, 'normal', 10)).toEqual([])
  })

  check('a request of one client reaches the other', async (harness) => {
    const other = (await harness.another?.()) ?? harness.queue
    await harness.queue.send('hot', [request('over there')])
    const [delivered] = await drive(harness, other.receive('hot', 1, { waitMs: 5000, visibilityMs: 60_000 }))
    expect(delivered?.request.key).toBe('over there')
    await delivered?.ack()
  })

  check('the same request may wait twice', async (harness) => {
    const twice = request('twice')
    await harness.queue.send('normal', [twice, twice])
    const received = await takeAll(harness, 'normal', 2)
    expect(received.map((each) => each.request)).toEqual([twice, twice])
    await received[0]?.ack()
    await received[1]?.nack(0)
    expect((await takeAll(harness, 'normal', 1)).map(keyOf)).toEqual(['twice'])
  })

  check('depth counts what is not acknowledged, whether it waits, is delayed or in work', async (harness) => {
    expect(await harness.queue.depth()).toEqual({ hot: 0, normal: 0, idle: 0 })
    await harness.queue.send('hot', requests(2))
    await harness.queue.send('idle', requests(3), { delayMs: 60_000 })
    const [one] = await takeAll(harness, 'hot', 2)
    expect(await harness.queue.depth()).toEqual({ hot: 2, normal: 0, idle: 3 })
    await one?.ack()
    expect(await harness.queue.depth()).toEqual({ hot: 1, normal: 0, idle: 3 })
  })
}

function ending(check: Check): void {
  check('an aborted receive throws the reason and takes nothing', async (harness) => {
    const reason = new Error('the worker stops')
    const stop = new AbortController()
    const waiting = harness.queue.receive('normal', 10, {
      waitMs: 20_000,
      visibilityMs: 600_000,
      signal: stop.signal,
    })
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    const options = { waitMs: 0, visibilityMs: 600_000, signal: stop.signal }
    await harness.queue.send('normal', [request('untouched')])
    await expect(harness.queue.receive('normal', 10, options)).rejects.toBe(reason)
    expect((await takeAll(harness, 'normal', 1)).map(keyOf)).toEqual(['untouched'])
  })

  check('an aborted send throws the reason and sends nothing', async (harness) => {
    const reason = new Error('nobody waits any more')
    const sending = harness.queue.send('normal', [request()], { signal: AbortSignal.abort(reason) })
    await expect(sending).rejects.toBe(reason)
    expect(await take(harness, 'normal', 10)).toEqual([])
  })
}

const LANES: readonly Lane[] = ['hot', 'normal', 'idle']

function request(key = unique('key')): RefreshRequest {
  return { key, cause: 'change', at: Date.UTC(2026, 10, 20) }
}

function requests(count: number): RefreshRequest[] {
  return Array.from({ length: count }, () => request())
}

function keyOf(delivery: Delivery): string {
  return delivery.request.key
}

function byKey(all: readonly RefreshRequest[]): RefreshRequest[] {
  return [...all].sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** What is there now. */
function take(harness: QueueHarness, lane: Lane, max: number, visibilityMs = 600_000): Promise<readonly Delivery[]> {
  return harness.queue.receive(lane, max, { waitMs: 0, visibilityMs })
}

/** `count` deliveries; a queue may give them in several helpings. */
async function takeAll(harness: QueueHarness, lane: Lane, count: number, visibilityMs = 600_000): Promise<Delivery[]> {
  const taken: Delivery[] = []
  for (let turn = 0; taken.length < count && turn < 20; turn++) {
    const wait = turn === 0 ? 0 : 1000
    const max = count - taken.length
    taken.push(...(await drive(harness, harness.queue.receive(lane, max, { waitMs: wait, visibilityMs }))))
  }
  expect(taken).toHaveLength(count)
  return taken
}

/** Moves time on until `work` is done. */
async function drive<T>(harness: QueueHarness, work: Promise<T>): Promise<T> {
  let done = false
  const finished = work.finally(() => {
    done = true
  })
  finished.catch(() => undefined)
  for (let turn = 0; !done && turn < 1000; turn++) await harness.advance(turn === 0 ? 0 : 100)
  return await finished
}

import { describe, expect, test } from 'vitest'
import { emptyRow } from '../../../src/entry/transitions.ts'
import { createKck } from '../../../src/kck/create-kck.ts'
import type { RefreshRequest } from '../../../src/ports/refresh-queue.ts'
import {
  CALM,
  createMemoryRefreshQueue,
  type FaultPlan,
  injectFaults,
  openMemoryStore,
  SeededEntropy,
  STORMY,
  VirtualClock,
} from '../../../src/testing/index.ts'
import { testPrimer, testRegistry } from '../../support/kck.ts'

function world() {
  const clock = new VirtualClock(0)
  const store = openMemoryStore({ clock })
  const queue = createMemoryRefreshQueue({ clock, entropy: new SeededEntropy(1) })
  const shared = { clock, store, queue, sources: new Map() }
  const start = (plan: Partial<FaultPlan>, seed = 1, skewMs = 0) =>
    injectFaults(shared, { plan: { ...CALM, ...plan }, seed, skewMs, name: `p${seed}` })
  return { ...shared, start }
}

const row = (key: string, rev: number, operation: string) => ({ ...emptyRow(key), rev, ops: [operation] })
const request = (key: string): RefreshRequest => ({ key, cause: 'manual', at: 0 })

describe('a call', () => {
  test('takes effect after its request has travelled, and is answered after its answer has', async () => {
    const { clock, store, start } = world()
    const { ports } = start({ latencyMs: [10, 10] })
    const writing = ports.store.entries.compareAndSet(null, row('a', 1, 'one'))
    await clock.advance(9)
    expect((await store.entries.get('a')).row).toBeNull()
    await clock.advance(1)
    expect((await store.entries.get('a')).row?.rev).toBe(1)
    expect([await clock.run(writing), clock.now()]).toEqual([true, 20])
  })

  test('whose request is lost fails and does nothing, or arrives late', async () => {
    const { clock, store, start } = world()
    const lost = start({ lostRequest: 1, timeoutMs: 100 })
    await expect(clock.run(lost.ports.store.lineage.addEdges('a', ['n']))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
    expect([clock.now(), (await store.lineage.dependents('n', { limit: 1 })).keys]).toEqual([100, []])
    const late = start({ lostRequest: 1, late: 1, lateMs: [500, 500], timeoutMs: 100 })
    await clock.run(late.ports.store.lineage.addEdges('a', ['n']).catch(() => undefined))
    await clock.advance(500)
    expect((await store.lineage.dependents('n', { limit: 1 })).keys).toEqual(['a'])
  })

  test('whose answer is lost fails although it happened', async () => {
    const { clock, store, start } = world()
    const { ports } = start({ lostAnswer: 1 })
    await expect(clock.run(ports.store.lineage.addEdges('a', ['n']))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    })
    expect((await store.lineage.dependents('n', { limit: 1 })).keys).toEqual(['a'])
  })

  test('ends with the reason of its signal, and still takes effect', async () => {
    const { clock, store, start } = world()
    const { ports } = start({ latencyMs: [10, 10] })
    const stop = new AbortController()
    const adding = ports.store.lineage.addEdges('a', ['n'], { signal: stop.signal })
    stop.abort('enough')
    await expect(adding).rejects.toBe('enough')
    await clock.advance(10)
    expect((await store.lineage.dependents('n', { limit: 1 })).keys).toEqual(['a'])
  })
})

describe('a conditional write', () => {
  test('says what became of it, whichever answers are lost', async () => {
    const { clock, store, start } = world()
    let unknown = 0
    for (let seed = 1; seed <= 200; seed++) {
      const { ports } = start({ lostRequest: 0.3, lostAnswer: 0.3, late: 0.5, lateMs: [10, 5_000] }, seed)
      const key = `k${seed}`
      const applied = await clock.run(
        ports.store.entries.compareAndSet(null, row(key, 1, 'mine')).catch(() => null as boolean | null),
      )
      const stored = (await store.entries.get(key)).row
      if (applied === null) unknown += 1
      else expect([key, stored?.ops.includes('mine') ?? false]).toEqual([key, applied])
    }
    expect(unknown).toBeGreaterThan(0)
    expect(unknown).toBeLessThan(100)
  })

  test('that comes second is refused', async () => {
    const { clock, start } = world()
    const { ports } = start({})
    expect(await clock.run(ports.store.entries.compareAndSet(null, row('a', 1, 'one')))).toBe(true)
    expect(await clock.run(ports.store.entries.compareAndSet(null, row('a', 1, 'two')))).toBe(false)
  })
})

test('a mark that arrives after it was removed stays removed', async () => {
  const { clock, store, start } = world()
  const { ports } = start({ repeated: 1, lateMs: [1_000, 1_000] })
  const mark = { id: 'm', at: 0, cause: 'test', upstream: false }
  await clock.run(ports.store.entries.mark(['a'], mark, null))
  await clock.run(ports.store.entries.unmark('a', ['m']))
  await clock.advance(2_000)
  expect((await store.entries.get('a')).marks).toEqual([])
})

test('messages get lost, doubled and late', async () => {
  const { clock, queue, start } = world()
  const { ports } = start({ messages: { lost: 0.2, duplicated: 0.3, delayed: 0.5, delayMs: [1_000, 2_000] } })
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`)
  await clock.run(ports.queue.send('normal', keys.map(request)))
  const receive = async () => queue.receive('normal', 1_000, { waitMs: 0, visibilityMs: 60_000 })
  const first = (await clock.run(receive())).map((delivery) => delivery.request.key)
  await clock.advance(2_000)
  const second = (await clock.run(receive())).map((delivery) => delivery.request.key)
  const all = [...first, ...second]
  expect(new Set(all).size).toBeLessThan(190)
  expect(all.length).toBeGreaterThan(new Set(all).size + 20)
  expect(second.length).toBeGreaterThan(60)
})

describe('a process', () => {
  test('has a clock of its own', () => {
    const { clock, start } = world()
    expect(start({}, 1, 4_000).ports.clock.now() - clock.now()).toBe(4_000)
  })

  test('that is killed does nothing any more, but what it sent arrives', async () => {
    const { clock, store, start } = world()
    const process = start({ latencyMs: [10, 10] })
    const went: string[] = []
    const work = async () => {
      await process.ports.store.lineage.addEdges('a', ['n'])
      went.push('on')
      await process.ports.clock.sleep(1)
      went.push('further')
    }
    work().catch(() => went.push('failed'))
    await clock.advance(5)
    process.kill()
    process.ports.store.lineage.addEdges('b', ['n']).catch(() => went.push('failed'))
    await clock.advance(60_000)
    expect([process.killed, went]).toEqual([true, []])
    expect((await store.lineage.dependents('n', { limit: 9 })).keys).toEqual(['a'])
  })

  test('that takes its place finishes its work', async () => {
    const shared = world()
    const { clock, start } = shared
    const source = { value: 1 }
    const primer = testPrimer({ name: 'product', compute: () => source.value })
    const open = (seed: number) => {
      const process = start(STORMY, seed)
      return { process, kck: createKck({ ...process.ports, registry: testRegistry([primer]) }) }
    }
    const first = open(1)
    first.kck.fetch('product/1').catch(() => undefined)
    await clock.advance(30)
    first.process.kill()
    const second = open(2)
    second.process.calm()
    const value = await clock.run(second.kck.get('product/1', { deadline: clock.now() + 60_000 }))
    expect(value).toBe(1)
  })

  test('meets the same faults again with the same seed', async () => {
    const run = async () => {
      const { clock, start } = world()
      const { ports } = start(STORMY, 42)
      const outcomes: string[] = []
      for (let call = 0; call < 100; call++) {
        const adding = ports.store.lineage.addEdges(`${call}`, ['n']).then(
          () => 'ok',
          () => 'failed',
        )
        outcomes.push(`${await clock.run(adding)} at ${clock.now()}`)
      }
      return outcomes
    }
    expect(await run()).toEqual(await run())
  })
})

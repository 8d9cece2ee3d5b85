import { expect, test } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import type { AnyPrimer } from '../../../src/primer/definition.ts'
import { createProcessWorker } from '../../../src/process/process-worker.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

const MINUTE = 60_000

function world({ atBoot = true } = {}) {
  let processes = 0
  const source = { computes: [] as string[], failing: false }
  const primersOf = (revision: string): AnyPrimer[] => [
    testPrimer({
      name: 'list',
      parameters: {},
      compute: () => {
        if (source.failing) throw new Error('down')
        return Array.from({ length: 450 }, (_, index) => ({ id: String(index) }))
      },
    }),
    testPrimer({
      name: 'item',
      revision,
      atBoot,
      schedule: { everyMs: 86_400_000, cron: null, timeZone: null, over: 'list' },
      compute: (_, { id }) => {
        source.computes.push(`${revision} ${id}`)
        return 1
      },
    }),
  ]
  const { store, clock, queue } = testKck([])
  return {
    store,
    clock,
    queue,
    source,
    /** A process of a deployment whose primers have this revision. */
    process(revision: string, given: Store = store) {
      const made = testKck(primersOf(revision), { store: given, clock, queue, seed: ++processes })
      const { kck, entropy } = made
      const worker = createProcessWorker({ kck, store: given, queue, sources: new Map(), clock, entropy })
      return { kck, tick: (signal = new AbortController().signal) => clock.run(worker.tick(signal)), worker }
    },
    async work(kck: ReturnType<typeof testKck>['kck']) {
      source.computes = []
      const stop = new AbortController()
      const working = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.advance(5_000)
      stop.abort()
      await clock.run(working)
      return source.computes
    },
  }
}

test('a deployment primes its products once, whatever the number of processes and restarts', async () => {
  const { process, work, queue } = world()
  const first = process('r1')
  const second = process('r1')
  await first.tick()
  await second.tick()
  await process('r1').tick()
  expect((await queue.depth()).idle).toBe(450)
  expect((await work(first.kck)).length).toBe(450)
  await process('r1').tick()
  expect((await queue.depth()).idle).toBe(0)
})

test('a changed primer is rebuilt, each key once; going back to the former one asks again', async () => {
  const { process, work, clock, queue } = world()
  const before = process('r1')
  await before.tick()
  await work(before.kck)
  const after = process('r2')
  await after.tick()
  expect((await clock.run(after.kck.fetch('item/7'))).state).toBe('stale')
  const rebuilt = await work(after.kck)
  expect([rebuilt.length, new Set(rebuilt).size, rebuilt[0]?.slice(0, 2)]).toEqual([450, 450, 'r2'])
  await before.tick()
  expect(await work(before.kck)).toEqual([])
  const back = process('r1')
  await back.tick()
  expect((await queue.depth()).idle).toBe(450)
  await work(back.kck)
  expect((await clock.run(back.kck.fetch('item/7', { onlyIfCached: true }))).state).toBe('fresh')
})

test('a process that is killed in the middle leaves the rest to another one, which does not begin again', async () => {
  const { process, work, store, clock, queue } = world({ atBoot: false })
  const before = process('r1')
  for (let id = 0; id < 450; id++) await clock.run(before.kck.get(`item/${id}`))
  await before.tick()
  // The second of three pages is never heard of, and nothing after it.
  const pages: (string | undefined)[] = []
  let dead = false
  const dying: Store = {
    ...store,
    registers: {
      get: (...call) => (dead ? new Promise(() => undefined) : store.registers.get(...call)),
      compareAndSet: (...call) => (dead ? new Promise(() => undefined) : store.registers.compareAndSet(...call)),
    },
    lineage: {
      ...store.lineage,
      dependents: (node, page, options) => {
        if (node === 'primer/item') pages.push(page.after)
        dead ||= pages.length === 2
        return dead ? new Promise(() => undefined) : store.lineage.dependents(node, page, options)
      },
    },
  }
  void process('r2', dying).worker.tick(new AbortController().signal)
  await clock.advance(1_000)
  expect([dead, (await queue.depth()).idle]).toEqual([true, 200])

  const watched: Store = {
    ...store,
    lineage: {
      ...store.lineage,
      dependents: (node, page, options) => {
        if (node === 'primer/item') pages.push(page.after)
        return store.lineage.dependents(node, page, options)
      },
    },
  }
  const heir = process('r2', watched)
  await heir.tick()
  expect((await queue.depth()).idle).toBe(200)
  await clock.advance(MINUTE)
  await heir.tick()
  expect((await queue.depth()).idle).toBe(450)
  expect(pages.slice(2)).toEqual([pages[1], expect.any(String)])
  expect(new Set(await work(heir.kck)).size).toBe(450)
})

test('a list that cannot be had is tried again, and stops nothing else', async () => {
  const { process, work, clock, source } = world()
  source.failing = true
  const { worker, kck } = process('r1')
  const ticking = worker.tick(new AbortController().signal)
  await clock.advance(10_000)
  source.failing = false
  await clock.advance(MINUTE)
  await clock.run(ticking)
  expect((await work(kck)).length).toBe(450)
})

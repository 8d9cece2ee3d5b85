import { describe, expect, test } from 'vitest'
import { createMemoryRefreshQueue } from '../../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import type { RefreshQueue } from '../../../src/ports/refresh-queue.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { WorkItem } from '../../../src/ports/work-index.ts'
import { type SweepOptions, sweep } from '../../../src/process/sweep.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

const MINUTE = 60_000

/** `leaf` reads a source by tag and `top` reads `leaf`; messages and store calls may get lost. */
function world() {
  const clock = new VirtualClock()
  const entropy = new SeededEntropy(1)
  const broken = { sending: false, marking: false, unmarking: false, computing: false }
  const source = { value: 1, size: 1, computes: 0 }
  const inner = createMemoryRefreshQueue({ clock, entropy })
  const queue: RefreshQueue = {
    ...inner,
    send: async (...call) => (broken.sending ? undefined : inner.send(...call)),
  }
  const memory = openMemoryStore({ clock })
  const store: Store = {
    ...memory,
    entries: {
      ...memory.entries,
      mark: async (...call) => {
        if (broken.marking) throw new Error('killed')
        return memory.entries.mark(...call)
      },
      unmark: async (...call) => {
        if (!broken.unmarking) await memory.entries.unmark(...call)
      },
    },
  }
  const leaf = testPrimer({
    name: 'leaf',
    tags: ['source'],
    compute: () => {
      source.computes += 1
      if (broken.computing) throw new Error('no')
      return String(source.value).repeat(source.size)
    },
  })
  const top = testPrimer({ name: 'top', compute: async ({ get }, { id }) => [await get(`leaf/${id}`)] })
  const options = { compression: 'none', retry: { firstMs: 1_000, maxMs: 300_000, parkAfter: 3 } } as const
  const made = testKck([leaf, top], { clock, entropy, queue, store, options })
  const { kck } = made
  return {
    ...made,
    broken,
    source,
    sweep: (given?: SweepOptions) =>
      clock.run(
        sweep({ registry: kck.registry, store, queue, clock, entropy, resume: kck.work.resume }, undefined, given),
      ),
    async work(ms = 5_000) {
      const stop = new AbortController()
      const working = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.advance(ms)
      stop.abort()
      await clock.run(working)
    },
    async change(value: number) {
      source.value = value
      await clock.run(kck.invalidateTags(['source']))
    },
    state: async (key: string) => (await clock.run(kck.fetch(key, { onlyIfCached: true }))).state,
    async owed(kind: WorkItem['kind']) {
      const items: WorkItem[] = []
      for (let minute = clock.now() - 1_500 * MINUTE; minute <= clock.now() + 60 * MINUTE; minute += MINUTE) {
        items.push(...(await store.workIndex.list(kind, minute, { limit: 100_000 })).items)
      }
      return items
    },
  }
}

describe('a lost message', () => {
  test('is sent again once it is late, and the index is empty when all is fresh', async () => {
    const { kck, clock, broken, change, sweep, work, state, owed } = world()
    await clock.run(kck.get('top/1'))
    broken.sending = true
    await change(2)
    broken.sending = false
    await work()
    expect((await sweep()).sent).toBe(0)
    await clock.advance(2 * MINUTE)
    expect(await sweep()).toMatchObject({ sent: 2 })
    await work()
    expect([await state('leaf/1'), await state('top/1')]).toEqual(['fresh', 'fresh'])
    expect(await owed('refresh')).toHaveLength(2)
    await clock.advance(5 * MINUTE)
    expect(await sweep()).toEqual({ resumed: 0, sent: 0, complete: true })
    expect(await owed('refresh')).toEqual([])
  })

  test('that is lost again is looked for less and less often', async () => {
    const { kck, clock, broken, change, sweep, owed } = world()
    await clock.run(kck.get('leaf/1'))
    broken.sending = true
    await change(2)
    const sentAt: number[] = []
    for (let minute = 1; minute <= 120; minute++) {
      await clock.advance(MINUTE)
      if ((await sweep()).sent > 0) sentAt.push(minute)
    }
    expect(sentAt).toEqual([2, 4, 7, 12, 21, 38, 71, 104])
    expect(await owed('refresh')).toHaveLength(1)
  })

  test('while somebody computes: it is left alone, but not forgotten', async () => {
    const { kck, clock, store, entropy, broken, change, sweep, owed } = world()
    await clock.run(kck.get('leaf/1'))
    broken.sending = true
    await change(2)
    await clock.advance(2 * MINUTE)
    const entry = await store.entries.get('leaf/1')
    const row = entry.row
    if (!row) throw new Error('no row')
    const lease = { token: entropy.id(), until: clock.now() + 10_000, epoch: row.epoch, since: clock.now() }
    await store.entries.compareAndSet(row, { ...row, rev: row.rev + 1, lease })
    expect((await sweep()).sent).toBe(0)
    expect(await owed('refresh')).toHaveLength(1)
    await clock.advance(2 * MINUTE)
    expect((await sweep()).sent).toBe(1)
  })
})

test('a parked key, a purged one and one of a primer that is gone owe nothing', async () => {
  const { kck, clock, store, broken, change, sweep, work, owed } = world()
  for (const id of [1, 2]) await clock.run(kck.get(`leaf/${id}`))
  broken.computing = true
  await change(2)
  await work(MINUTE)
  await clock.run(kck.purge('leaf/2'))
  await store.workIndex.put(
    ['gone/1', 'leaf/never'].map((id) => ({ kind: 'refresh' as const, id, at: clock.now(), payload: '' })),
  )
  await clock.advance(2 * MINUTE)
  expect((await sweep()).sent).toBe(0)
  expect(await owed('refresh')).toEqual([])
})

describe('a change whose process died', () => {
  test('before it had placed its marks is carried through', async () => {
    const { kck, clock, broken, source, sweep, work, state, owed } = world()
    await clock.run(kck.get('top/1'))
    source.value = 2
    broken.marking = true
    await expect(clock.run(kck.invalidateTags(['source']))).rejects.toThrow('killed')
    broken.marking = false
    expect((await sweep()).resumed).toBe(0)
    await clock.advance(30_000)
    expect((await sweep()).resumed).toBe(1)
    expect(await owed('intent')).toEqual([])
    await work()
    expect([await state('top/1'), await clock.run(kck.get('top/1'))]).toEqual(['fresh', ['2']])
  })

  test('is left alone as long as its write may be under way, whatever an early look has done', async () => {
    const { kck, clock, store, sweep, state, owed } = world()
    await clock.run(kck.get('leaf/1'))
    const until = clock.now() + 10 * MINUTE
    const payload = JSON.stringify({
      id: 'x',
      cause: 'update',
      at: clock.now(),
      nodes: ['tag/source'],
      keys: [],
      until,
    })
    await store.workIndex.put([{ kind: 'intent', id: 'x', at: clock.now(), payload }])
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(MINUTE)
      expect((await sweep()).resumed).toBe(0)
    }
    expect(await state('leaf/1')).toBe('fresh')
    await clock.advance(MINUTE)
    expect((await sweep()).resumed).toBe(1)
    expect([await state('leaf/1'), await owed('intent')]).toEqual(['stale', []])
  })

  test('counts although an early mark of the same change still lies folded beside the row', async () => {
    const { kck, clock, store, broken, sweep, work, state } = world()
    await clock.run(kck.get('leaf/1'))
    broken.unmarking = true
    const payload = JSON.stringify({ id: 'x', cause: 'update', at: clock.now(), nodes: ['tag/source'], keys: [] })
    const item: WorkItem = { kind: 'intent', id: 'x', at: clock.now(), payload }
    await clock.run(kck.work.resume(item))
    await work()
    expect(await state('leaf/1')).toBe('fresh')
    await store.workIndex.put([item])
    await clock.advance(MINUTE)
    expect((await sweep()).resumed).toBe(1)
    expect(await state('leaf/1')).toBe('stale')
  })

  test('is found although it was written late, into a minute that was looked through before', async () => {
    const { kck, clock, store, sweep, state } = world()
    await clock.run(kck.get('leaf/1'))
    await clock.advance(10 * MINUTE)
    await sweep()
    const at = clock.now() - MINUTE
    const payload = JSON.stringify({ id: 'x', cause: 'update', at, nodes: ['tag/source'], keys: [] })
    await store.workIndex.put([{ kind: 'intent', id: 'x', at, payload }])
    expect((await sweep()).resumed).toBe(1)
    expect(await state('leaf/1')).toBe('stale')
  })

  test('and cannot be carried through stops nobody else, and is tried again', async () => {
    const { kck, clock, store, broken, source, sweep, state, owed } = world()
    await clock.run(kck.get('leaf/1'))
    source.value = 2
    broken.marking = true
    await expect(clock.run(kck.invalidateTags(['source']))).rejects.toThrow('killed')
    broken.marking = false
    await store.workIndex.put([{ kind: 'intent', id: 'poison', at: clock.now(), payload: 'no JSON' }])
    await clock.advance(MINUTE)
    const events = await recordEvents(async () => expect((await sweep()).resumed).toBe(1))
    expect(events.filter((event) => event.type === 'fault')).toHaveLength(1)
    expect(await state('leaf/1')).toBe('stale')
    expect((await owed('intent')).map((item) => item.id)).toEqual(['poison'])
  })
})

test('a process killed between its commit and the marks leaves nobody with the old value', async () => {
  const { kck, clock, broken, source, sweep, work } = world()
  await clock.run(kck.get('top/1'))
  source.value = 2
  broken.marking = true
  await expect(clock.run(kck.refresh('leaf/1'))).rejects.toThrow()
  broken.marking = false
  expect(await clock.run(kck.get('top/1'))).toEqual(['1'])
  await clock.advance(MINUTE)
  expect((await sweep()).resumed).toBe(1)
  await work()
  expect(await clock.run(kck.get('top/1'))).toEqual(['2'])
})

test('chunks that no row points to any more are deleted from the entries it looks at', async () => {
  const { kck, clock, store, source, change, sweep, work } = world()
  source.size = 100_000
  await clock.run(kck.get('leaf/1'))
  const body = (await store.entries.get('leaf/1')).row?.value?.body
  if (!body || body.chunks === 0) throw new Error('expected a body in chunks')
  await change(2)
  await work()
  expect(await store.entries.getChunks('leaf/1', body.id, body.chunks)).not.toBeNull()
  await clock.advance(3 * MINUTE)
  await sweep()
  expect(await store.entries.getChunks('leaf/1', body.id, body.chunks)).toBeNull()
  expect((await store.entries.get('leaf/1')).row?.retired).toEqual([])
})

describe('a sweep', () => {
  test('goes on where the last one stopped, and each minute is finished once', async () => {
    const { kck, clock, store, broken, change, sweep, queue } = world()
    for (let id = 0; id < 450; id++) await clock.run(kck.get(`leaf/${id}`))
    broken.sending = true
    await change(2)
    broken.sending = false
    await clock.advance(10 * MINUTE)
    let calls = 1
    while (!(await sweep({ items: 200, minutes: 100 })).complete) calls += 1
    expect(calls).toBeGreaterThan(10)
    // They cost nothing, so nothing is worth more.
    expect(await queue.depth()).toEqual({ hot: 450, normal: 0, idle: 0 })
    const cursor = Number((await store.registers.get('sweep/refresh'))?.text)
    expect(clock.now() - cursor).toBeLessThan(3 * MINUTE)
  })

  test('at the same time as another one does no harm', async () => {
    const { kck, clock, store, queue, entropy, broken, change, work, state } = world()
    await clock.run(kck.get('top/1'))
    broken.sending = true
    await change(2)
    broken.sending = false
    await clock.advance(3 * MINUTE)
    const deps = { registry: kck.registry, store, queue, clock, entropy, resume: kck.work.resume }
    const swept = await clock.run(Promise.all([sweep(deps), sweep(deps)]))
    expect(swept.every(({ complete }) => typeof complete === 'boolean')).toBe(true)
    await work()
    expect([await state('leaf/1'), await state('top/1')]).toEqual(['fresh', 'fresh'])
  })

  test('of a store that fails is a fault, and ends', async () => {
    const { kck, clock, store, queue, entropy } = world()
    const workIndex = { ...store.workIndex, list: () => Promise.reject(new Error('down')) }
    const deps = { registry: kck.registry, store: { ...store, workIndex }, queue, clock, entropy }
    const events = await recordEvents(async () => {
      expect((await clock.run(sweep({ ...deps, resume: kck.work.resume }))).complete).toBe(false)
    })
    expect(events.filter((event) => event.type === 'fault')).toHaveLength(2)
  })
})

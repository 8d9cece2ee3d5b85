import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LmdbReplicaState } from '../../../src/adapters/lmdb/replica-state.ts'
import { createMemorySnapshotStore } from '../../../src/adapters/memory/snapshot-store.ts'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import { MemoryUpdateLog } from '../../../src/adapters/memory/update-log.ts'
import { SqliteReplicaState } from '../../../src/adapters/sqlite/replica-state.ts'
import type { Kck } from '../../../src/kck/kck.ts'
import type { AnyPrimer } from '../../../src/primer/definition.ts'
import { sweep } from '../../../src/process/sweep.ts'
import { createReplica } from '../../../src/replica/create-replica.ts'
import type { Replica } from '../../../src/replica/replica.ts'
import type { Replicated } from '../../../src/replicate/record.ts'
import { type Replication, replicatedCodec, replicateProducts } from '../../../src/replicate/replicate-products.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { recordEvents, testKck, testPrimer, testRegistry } from '../../support/kck.ts'

interface Machine {
  readonly kck: Kck
  readonly replica: Replica<Replicated>
  readonly replication: Replication
}

let clock = new VirtualClock()
let store = openMemoryStore({ clock })
let log = new MemoryUpdateLog('products')
let folder = ''
/** Machines have the state that Lambda functions have. */
let isLambda = false
let computes = 0
let source: unknown = 1
let opened: Replica<Replicated>[] = []

const product = (more: Partial<AnyPrimer> = {}) =>
  testPrimer({
    name: 'product',
    replicate: true,
    compute: async () => {
      computes += 1
      return source
    },
    ...more,
  })

beforeEach(() => {
  clock = new VirtualClock()
  store = openMemoryStore({ clock })
  log = new MemoryUpdateLog('products')
  folder = mkdtempSync(join(tmpdir(), 'kck-replicated-'))
  isLambda = false
  computes = 0
  source = 1
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((replica) => replica.close()))
  rmSync(folder, { recursive: true, force: true })
})

/** A process with a replica of its own, over the store and the log that all share. */
async function machine(name: string, primers = [product()], nearCacheBytes = 0): Promise<Machine> {
  const entropy = new SeededEntropy(name.charCodeAt(0))
  const path = join(folder, name)
  const state = isLambda ? new SqliteReplicaState({ path }) : new LmdbReplicaState({ path, clock })
  const replica = createReplica<Replicated, string>(
    { name: 'products', log, state, snapshots: createMemorySnapshotStore(), clock, entropy },
    { codec: replicatedCodec, keys: 'text', cacheBytes: 1_000_000, everyMs: 250, deadlineMs: 60_000 },
  )
  opened.push(replica)
  await replica.update()
  const registry = testRegistry(primers)
  const replication = replicateProducts({ store, replica, registry, clock, entropy })
  const { kck } = testKck(primers, {
    clock,
    entropy,
    store: replication.store,
    replication,
    options: { nearCacheBytes },
  })
  return { kck, replica, replication }
}

const age = (ms: number) => clock.advance(ms)

describe('a replicated product', () => {
  it('is read from the replica of every machine once it is computed', async () => {
    const one = await machine('one')
    const two = await machine('two')
    expect((await one.kck.fetch('product/a')).from).toBe('compute')
    await two.replica.update()
    const reads = vi.spyOn(store.entries, 'get')
    for (const { kck } of [one, two]) {
      const fetched = await kck.fetch('product/a')
      expect([fetched.from, fetched.state, await kck.get('product/a')]).toEqual(['replica', 'fresh', 1])
      expect(kck.peek('product/a')?.from).toBe('replica')
      expect((await kck.fetchMany(['product/a']))[0]).toMatchObject({ from: 'replica' })
    }
    expect(reads).not.toHaveBeenCalled()
    expect(computes).toBe(1)
  })

  it('has the same version, times and bytes as in the store', async () => {
    const { kck, replica } = await machine('one', [product({ softTtlMs: 60_000, hardTtlMs: 600_000 })])
    source = { rows: Array.from({ length: 500 }, (_, id) => ({ id, text: `row ${id}` })), none: null }
    await kck.fetch('product/a')
    const there = await kck.fetch('product/a')
    await replica.destroy()
    const stored = await kck.fetch('product/a')
    expect([there.from, stored.from]).toEqual(['replica', 'store'])
    for (const name of ['version', 'modified', 'asOf', 'softExpiresAt', 'hardExpiresAt', 'contentHash'] as const) {
      expect(there[name]).toBe(stored[name])
    }
    expect(await there.body.bytes('gzip')).toEqual(await stored.body.bytes('gzip'))
  })

  it('is not in the replica when its primer does not say so', async () => {
    const { kck, replica } = await machine('one', [product({ replicate: false })])
    await kck.fetch('product/a')
    expect(replica.size).toBe(0)
    expect((await kck.fetch('product/a')).from).toBe('store')
  })

  it('is not believed any more once its primer stopped saying so', async () => {
    const one = await machine('one')
    await one.kck.fetch('product/a')
    const later = await machine('two', [product({ replicate: false })])
    expect((await later.kck.fetch('product/a')).from).toBe('store')
    await later.replication.maintenance(1_000).run({ due: 0, signal: new AbortController().signal })
    await one.replica.update()
    expect(one.replica.size).toBe(0)
  })

  it('is published by a new deployment when it was not replicated before, or not for a while', async () => {
    const one = await machine('one')
    await one.kck.fetch('product/a')
    const without = await machine('two', [product({ replicate: false })])
    await without.kck.set('product/a', 2)
    await without.kck.fetch('product/b')
    await without.kck.set('product/b', 3)
    await without.kck.fetch('product/c')
    await without.kck.purge('product/c')
    await one.replication.publishAll(new AbortController().signal)
    expect([...one.replica.keys()]).toEqual(['product/a', 'product/b'])
    for (const [key, value] of [
      ['product/a', 2],
      ['product/b', 3],
    ] as const) {
      expect([(await one.kck.fetch(key)).from, await one.kck.get(key)]).toEqual(['replica', value])
    }
  })

  it('may be zero, empty, false or null', async () => {
    const { kck } = await machine('one')
    for (const [id, value] of Object.entries({ zero: 0, empty: '', no: false, nothing: null })) {
      source = value
      await kck.fetch(`product/${id}`)
      expect((await kck.fetch(`product/${id}`)).from).toBe('replica')
      expect(await kck.get(`product/${id}`)).toBe(value)
    }
  })

  it('stays in the store when it is larger than an update of the log', async () => {
    const { kck, replica } = await machine('one')
    source = Array.from({ length: 200_000 }, (_, index) => Math.sin(index))
    await kck.fetch('product/a')
    expect(replica.size).toBe(0)
    expect((await kck.fetch('product/a')).from).toBe('store')
  })
})

describe('a change', () => {
  it('shows on every machine: stale from its mark on, fresh from the next value on', async () => {
    const one = await machine('one')
    const two = await machine('two')
    await one.kck.fetch('product/a')
    await age(1_000)
    await one.kck.invalidate('product/a', { cause: 'the price list' })
    await two.replica.update()
    expect(await two.kck.fetch('product/a')).toMatchObject({
      from: 'replica',
      state: 'stale',
      staleCause: 'the price list',
    })
    source = 2
    await one.kck.refresh('product/a')
    await two.replica.update()
    expect(await two.kck.fetch('product/a')).toMatchObject({ from: 'replica', state: 'fresh' })
    expect(await two.kck.get('product/a')).toBe(2)
  })

  it('shows at once on the machine that made it', async () => {
    const { kck } = await machine('one')
    await kck.fetch('product/a')
    await kck.set('product/a', 7)
    expect(await kck.fetch('product/a')).toMatchObject({ from: 'replica', state: 'fresh' })
    expect(await kck.get('product/a')).toBe(7)
    await kck.purge('product/a')
    expect((await kck.fetch('product/a')).from).toBe('compute')
  })

  it('that fails shows as such', async () => {
    let fails = false
    const failing = product({
      compute: async () => {
        if (fails) throw new Error('the source is gone')
        return 1
      },
    })
    const { kck } = await machine('one', [failing])
    await kck.fetch('product/a')
    fails = true
    await kck.invalidate('product/a')
    await kck.refresh('product/a').catch(() => undefined)
    expect(await kck.fetch('product/a')).toMatchObject({ from: 'replica', state: 'failed' })
  })

  it('is published by the sweep when its process died after the commit', async () => {
    const one = await machine('one')
    const two = await machine('two')
    await one.kck.fetch('product/a')
    vi.spyOn(one.replication.publisher, 'publish').mockRejectedValueOnce(new Error('killed here'))
    await one.kck.set('product/a', 2)
    await two.replica.update()
    expect(await two.kck.get('product/a')).toBe(1)
    await age(120_000)
    const queue = testKck([]).queue
    const deps = { registry: two.kck.registry, store, queue, clock, entropy: new SeededEntropy(3) }
    await sweep({ ...deps, resume: two.kck.work.resume })
    expect(await two.kck.get('product/a')).toBe(2)
    expect((await store.workIndex.list('intent', clock.now(), { limit: 10 })).items).toEqual([])
  })

  it('wins over an older one whose publisher was slower', async () => {
    const one = await machine('one')
    const two = await machine('two')
    await one.kck.fetch('product/a')
    const append = log.append.bind(log)
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    vi.spyOn(log, 'append').mockImplementationOnce(async (update, options) => {
      await held
      return append(update, options)
    })
    const slow = one.kck.set('product/a', 2)
    await vi.waitFor(() => expect(log.append).toHaveBeenCalled())
    await two.kck.set('product/a', 3)
    release()
    await slow
    for (const { kck, replica } of [one, two]) {
      await replica.update()
      expect(await kck.fetch('product/a')).toMatchObject({ from: 'replica' })
      expect(await kck.get('product/a')).toBe(3)
    }
  })

  it('by many marks is published in a few updates', async () => {
    const { kck } = await machine('one')
    for (let id = 0; id < 120; id += 1) await kck.fetch(`product/${id}`)
    const before = (await log.state()).head
    await kck.changed({ keys: Array.from({ length: 120 }, (_, id) => `product/${id}`) })
    expect((await log.state()).head - before).toBeLessThan(10)
    for (const id of [0, 60, 119]) expect(kck.peek(`product/${id}`)).toBeNull()
  })
})

describe.each(['a machine', 'a Lambda function'])('how old the knowledge of the replica of %s is', (kind) => {
  beforeEach(() => {
    isLambda = kind === 'a Lambda function'
  })

  it('bounds its answers: a machine that was frozen asks the store', async () => {
    const one = await machine('one')
    const frozen = await machine('two')
    await one.kck.fetch('product/a')
    await frozen.replica.update()
    expect(frozen.kck.peek('product/a')?.from).toBe('replica')
    await age(60_000)
    source = 2
    await one.kck.set('product/a', 2)
    expect(frozen.kck.peek('product/a')).toBeNull()
    expect((await frozen.kck.fetch('product/a')).from).toBe('store')
    expect(await frozen.kck.get('product/a')).toBe(2)
    await frozen.replica.update()
    expect((await frozen.kck.fetch('product/a')).from).toBe('replica')
  })

  it('is not taken where this process has read newer: a look that took long does not bring back what was', async () => {
    const one = await machine('one')
    const frozen = await machine('two', [product()], 1_000_000)
    await one.kck.fetch('product/a')
    await frozen.replica.update()
    await age(60_000)
    const read = log.read.bind(log)
    const answered = Promise.withResolvers<void>()
    vi.spyOn(log, 'read').mockImplementationOnce(async (...call) => {
      const page = await read(...call)
      await answered.promise
      return page
    })
    const looking = frozen.replica.update()
    await age(10)
    await one.kck.set('product/a', 2)
    expect(await frozen.kck.get('product/a')).toBe(2)
    answered.resolve()
    await looking
    await age(2_000)
    expect(await frozen.kck.get('product/a')).toBe(2)
    await frozen.replica.update()
    expect((await frozen.kck.fetch('product/a')).from).toBe('replica')
    expect(await frozen.kck.get('product/a')).toBe(2)
  })

  it('is not more than what the caller bounds', async () => {
    const { kck, replica } = await machine('one')
    await kck.fetch('product/a')
    await age(2_000)
    await replica.update()
    const from = async (request: Parameters<Kck['fetch']>[1]) => (await kck.fetch('product/a', request)).from
    expect(await from({ maxAgeMs: 2_000 })).toBe('replica')
    expect(await from({ maxStaleMs: 500 })).toBe('replica')
    await age(1_000)
    expect(await from({ maxStaleMs: 500 })).toBe('store')
    expect(await from({ maxStaleMs: 1_500 })).toBe('replica')
    expect(await from({ maxAgeMs: 2_999 })).toBe('compute')
    expect(await from({ noCache: true })).toBe('compute')
  })

  it('is told by the log: what cannot be reached is not known, however often it is tried', async () => {
    const { kck, replica } = await machine('one')
    await kck.fetch('product/a')
    vi.spyOn(log, 'read').mockRejectedValue(new Error('the log is gone'))
    await age(10_000)
    await replica.update().catch(() => undefined)
    expect((await kck.fetch('product/a')).from).toBe('store')
  })

  it('does not matter when the store cannot be asked, unless the caller says so', async () => {
    const { kck } = await machine('one')
    await kck.fetch('product/a')
    await age(3_600_000)
    const { KckError } = await import('../../../src/errors.ts')
    vi.spyOn(store.entries, 'get').mockRejectedValue(new KckError('STORE_UNAVAILABLE', 'gone'))
    expect((await kck.fetch('product/a')).from).toBe('replica')
    expect((await kck.fetch('product/a', { maxStaleMs: 60_000 })).from).toBe('compute')
  })
})

it('a log that cannot be written leaves the change to the sweep and says so', async () => {
  const { kck } = await machine('one')
  await kck.fetch('product/a')
  vi.spyOn(log, 'append').mockRejectedValue(new Error('the log is gone'))
  const events = await recordEvents(() => kck.set('product/a', 2))
  expect(events).toContainEqual(expect.objectContaining({ type: 'fault', where: 'publishing to the replicas' }))
  expect((await store.workIndex.list('intent', clock.now(), { limit: 10 })).items).toHaveLength(1)
})

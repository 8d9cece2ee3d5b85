import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LmdbReplicaState } from '../../../src/adapters/lmdb/replica-state.ts'
import { createMemorySnapshotStore } from '../../../src/adapters/memory/snapshot-store.ts'
import { MemoryUpdateLog } from '../../../src/adapters/memory/update-log.ts'
import { SqliteReplicaState } from '../../../src/adapters/sqlite/replica-state.ts'
import { json } from '../../../src/replica/codec.ts'
import { createReplica } from '../../../src/replica/create-replica.ts'
import type { Replica } from '../../../src/replica/replica.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { recordEvents } from '../../support/kck.ts'

const clock = new VirtualClock()
let folder = ''
/** Machines have the state that Lambda functions have. */
let isLambda = false
let log = new MemoryUpdateLog('log-1')
let snapshots = createMemorySnapshotStore()
let opened: Replica<number>[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kck-replica-'))
  log = new MemoryUpdateLog('log-1')
  snapshots = createMemorySnapshotStore()
  isLambda = false
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((replica) => replica.close()))
  rmSync(folder, { recursive: true, force: true })
})

/** The replica of another machine. */
function machine(name: string): Replica<number> {
  const path = join(folder, name)
  const state = isLambda ? new SqliteReplicaState({ path }) : new LmdbReplicaState({ path, clock })
  const parts = { name: 'numbers', log, state, snapshots, clock, entropy: new SeededEntropy(1) }
  const settings = {
    codec: json<number>(),
    keys: 'text',
    cacheBytes: 1_000_000,
    everyMs: 250,
    deadlineMs: 10_000,
  } as const
  const replica = createReplica<number, string>(parts, settings)
  opened.push(replica)
  return replica
}

async function updated(name: string): Promise<Replica<number>> {
  const replica = machine(name)
  await replica.update()
  return replica
}

const all = (replica: Replica<number>) => Object.fromEntries(replica.entries())

describe.each(['machines', 'Lambda functions'])('snapshots of %s', (kind) => {
  beforeEach(() => {
    isLambda = kind === 'Lambda functions'
  })

  it('start a machine where the log no longer does, which then follows', async () => {
    const one = await updated('one')
    await one.setMany({ a: 1, b: 2, c: 3 })
    const { id } = await one.snapshot()
    await one.compact(id)
    expect((await log.read(0, { bytes: 1000 })).updates).toEqual([])
    await one.set('d', 4)
    const two = await updated('two')
    expect(all(two)).toEqual({ a: 1, b: 2, c: 3, d: 4 })
    expect(two.updateId).toBe(one.updateId)
  })

  it('are taken over by a machine that is behind, also when it was complete once', async () => {
    const one = await updated('one')
    const two = await updated('two')
    await one.setMany({ a: 1, b: 2 })
    await two.update()
    await one.delete('a')
    await one.set('b', 20)
    await one.compact((await one.snapshot()).id)
    await two.update()
    expect(all(two)).toEqual({ b: 20 })
  })

  it('that are torn or say something else are refused, and the next older is taken', async () => {
    const one = await updated('one')
    await one.set('a', 1)
    await one.snapshot()
    await one.set('a', 2)
    const newest = await one.snapshot()
    snapshots.tear(newest.name, newest.bytes - 1)
    const events = await recordEvents(async () => {
      const two = machine('two')
      await two.restore()
      expect(all(two)).toEqual({ a: 2 })
    })
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'fault', where: expect.stringContaining(newest.name) }),
    )
  })

  it('of another log are no use', async () => {
    const one = await updated('one')
    await one.set('a', 1)
    await one.snapshot()
    log = new MemoryUpdateLog('log-2')
    const two = await updated('two')
    await two.set('b', 2)
    await two.restore()
    expect(all(two)).toEqual({ b: 2 })
  })

  it('above the end of the log, which was itself taken back to an earlier time, are no use', async () => {
    const one = await updated('one')
    await one.set('a', 1)
    await one.snapshot()
    await one.set('a', 2)
    await one.set('a', 3)
    await one.snapshot()
    log = new MemoryUpdateLog('log-1')
    const before = machine('writer')
    await before.set('a', 1)
    await before.set('b', 1)
    await log.raiseFloor(1)
    await log.remove(1)
    expect(all(await updated('two'))).toEqual({ a: 1, b: 1 })
  })

  it('are kept for the last three', async () => {
    const one = await updated('one')
    for (const value of [1, 2, 3, 4, 5]) {
      await one.set('a', value)
      await one.snapshot()
    }
    expect((await snapshots.list()).map(({ id }) => id)).toEqual([5, 4, 3])
  })

  it('may be larger than any page', async () => {
    const one = await updated('one')
    const many = Array.from({ length: 20_000 }, (_, index) => [`key-${index}`, index] as const)
    await one.setMany(many)
    await one.compact((await one.snapshot()).id)
    const two = await updated('two')
    expect(two.size).toBe(20_000)
    expect(two.get('key-19999')).toBe(19_999)
  })

  it('need a complete state', async () => {
    await expect(machine('one').snapshot()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

describe('compaction', () => {
  it('wants a whole snapshot that holds what it removes', async () => {
    const one = await updated('one')
    await one.set('a', 1)
    const first = await one.snapshot()
    await one.set('b', 2)
    await expect(one.compact(2)).rejects.toMatchObject({ code: 'CONFLICT' })
    const second = await one.snapshot()
    snapshots.tear(second.name, 40)
    await expect(one.compact(2)).rejects.toMatchObject({ code: 'CONFLICT' })
    await one.compact(first.id)
    expect((await log.state()).floor).toBe(1)
    expect((await log.read(1, { bytes: 1000 })).updates.map(({ id }) => id)).toEqual([2])
  })

  it('never goes beyond the head, and may be done again', async () => {
    const one = await updated('one')
    await one.set('a', 1)
    const { id } = await one.snapshot()
    await expect(one.compact(id + 1)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await one.compact(id)
    await one.compact(id)
    await one.compact(0)
    expect((await log.state()).head).toBe(1)
  })

  it('publishes the floor before anything is removed', async () => {
    const one = await updated('one')
    await one.setMany({ a: 1 })
    await one.setMany({ b: 2 })
    const { id } = await one.snapshot()
    vi.spyOn(log, 'remove').mockRejectedValueOnce(new Error('killed here'))
    await expect(one.compact(id)).rejects.toThrow('killed here')
    expect((await log.state()).floor).toBe(id)
    expect(all(await updated('two'))).toEqual({ a: 1, b: 2 })
    await one.compact(id)
    expect((await log.read(0, { bytes: 1000 })).updates).toEqual([])
  })

  it('drops keys everywhere, not only where a state is built anew', async () => {
    const one = await updated('one')
    const two = await updated('two')
    await one.setMany({ a: 1, b: 2, c: 3 })
    await two.update()
    const { id } = await one.snapshot()
    await one.compact(id, (_key, value) => value % 2 === 1)
    await two.update()
    for (const replica of [one, two, await updated('three')]) expect(all(replica)).toEqual({ a: 1, c: 3 })
  })

  it('keeps what is set while it looks at the value before', async () => {
    const one = await updated('one')
    const two = await updated('two')
    await one.setMany({ a: 2, b: 2 })
    await two.update()
    const { id } = await one.snapshot()
    let others: Promise<unknown> = Promise.resolve()
    await one.compact(id, (key, value) => {
      if (key === 'b') others = two.set('a', 7)
      return value % 2 === 1
    })
    await others
    for (const replica of [one, two]) await replica.update()
    for (const replica of [one, two, await updated('three')]) expect(all(replica)).toEqual({ a: 7 })
  })
})

import { zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { hash } from '../../../src/entry/body.ts'
import type { Body, EntryRow } from '../../../src/entry/entry.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

/** The group `stored` of the bad inputs: what a store may hold, through somebody's fault, and must never be served. */
const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))
const cases: Record<string, (body: Body) => Partial<Body>> = {
  'a flipped byte': ({ inline }) => {
    const bytes = Buffer.from(inline ?? [])
    bytes[5] = (bytes[5] ?? 0) ^ 1
    return { inline: bytes }
  },
  'a length of 4 GiB': () => ({ length: 4 * 1024 ** 3 }),
  'more than was stored': () => ({ encoding: 'zstd', inline: bomb, checksum: hash(bomb), length: 16 * 1024 * 1024 }),
  'less than was stored': () => ({ encoding: 'zstd', inline: bomb, checksum: hash(bomb), length: 200 * 1024 * 1024 }),
  'a piece that is gone': () => ({ inline: null, chunks: 2 }),
}

describe('a stored body', () => {
  test.each(Object.entries(cases))('with %s is a miss and a fault, never served', async (_, damage) => {
    const primer = testPrimer({ name: 'product', compute: () => 'good' })
    const { kck, clock, store } = testKck([primer])
    await clock.run(kck.fetch('product/1'))
    const { row } = await store.entries.get('product/1')
    if (!row?.value) throw new Error('expected a value')
    const body = { ...row.value.body, id: 'damaged', ...damage(row.value.body) }
    const next: EntryRow = { ...row, rev: row.rev + 1, value: { ...row.value, body } }
    expect(await store.entries.compareAndSet(row, next)).toBe(true)
    // A large body is looked at on a thread, which takes real time: no deadline of virtual time.
    const request = { deadline: Number.POSITIVE_INFINITY }
    const events = await recordEvents(async () => expect(await clock.run(kck.get('product/1', request))).toBe('good'))
    expect(events.filter((event) => event.type === 'fault')).toHaveLength(1)
  })
})

test('a value of another definition of its primer is stale: served while it is made anew', async () => {
  const before = testPrimer({ name: 'product', compute: () => 'before' })
  const after = testPrimer({ name: 'product', compute: () => 'after', revision: 'r2' })
  const old = testKck([before])
  await old.clock.run(old.kck.fetch('product/1'))
  const { kck, clock } = testKck([after], { clock: old.clock, store: old.store, queue: old.queue, seed: 2 })
  const fetched = await clock.run(kck.fetch('product/1'))
  expect([fetched.state, fetched.staleCause]).toEqual(['stale', 'the primer changed'])
  expect((await old.queue.depth()).normal).toBe(1)
  expect(await clock.run(kck.get('product/1', { maxStaleMs: 0 }))).toBe('after')
  // A rollback finds the newer definition's value stale in turn, and re-uses what is still right after one compute.
  expect((await old.clock.run(old.kck.fetch('product/1'))).state).toBe('stale')
})

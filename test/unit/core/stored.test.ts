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

describe('a value of another definition of its primer', () => {
  function deploy() {
    const computes = { before: 0, after: 0 }
    const define = (name: 'before' | 'after') =>
      testPrimer({
        name: 'product',
        revision: name,
        compute: () => {
          computes[name] += 1
          return name
        },
      })
    const old = testKck([define('before')])
    const { clock, store, queue } = old
    return {
      computes,
      clock,
      queue,
      old: old.kck,
      next: testKck([define('after')], { clock, store, queue, seed: 2 }).kck,
    }
  }

  test('is stale: served while it is made anew', async () => {
    const { clock, next, old, queue } = deploy()
    await clock.run(old.fetch('product/1'))
    const fetched = await clock.run(next.fetch('product/1'))
    expect([fetched.state, fetched.staleCause]).toEqual(['stale', 'the primer changed'])
    expect((await queue.depth()).hot).toBe(1)
    expect(await clock.run(next.get('product/1', { maxStaleMs: 0 }))).toBe('after')
  })

  test('is found again by a rollback, without a compute, with a version of its own', async () => {
    const { clock, computes, next, old } = deploy()
    const first = await clock.run(old.fetch('product/1'))
    await clock.run(next.fetch('product/1', { maxStaleMs: 0 }))
    const back = await clock.run(old.fetch('product/1', { maxStaleMs: 0 }))
    expect([back.state, await clock.run(old.get('product/1'))]).toEqual(['fresh', 'before'])
    expect(back.version).toBeGreaterThan(first.version + 1)
    expect(await clock.run(next.get('product/1', { maxStaleMs: 0 }))).toBe('after')
    expect(computes).toEqual({ before: 1, after: 1 })
  })

  test('is not found again when something changed since', async () => {
    const { clock, computes, next, old } = deploy()
    await clock.run(old.fetch('product/1'))
    await clock.run(next.fetch('product/1', { maxStaleMs: 0 }))
    await clock.run(next.invalidate('product/1'))
    expect(await clock.run(old.get('product/1', { maxStaleMs: 0 }))).toBe('before')
    expect(computes).toEqual({ before: 2, after: 1 })
  })
})

import { describe, expect, test } from 'vitest'
import { etagOf, isNotModified } from '../../../src/http/conditional.ts'
import { fetchHeaders } from '../../../src/http/fetch-headers.ts'
import { recordEvents } from '../../support/kck.ts'
import { violation, world } from './world.ts'

type Row = { values: readonly string[] }
/** Sets, so that it may meet a value that has the write already. */
const overlay = (value: unknown, { body }: { body: { value: string } }) => {
  const { values } = value as Row
  return values.includes(body.value) ? undefined : { values: [...values, body.value] }
}
const options = { updater: { overlay: overlay as never } }
const near = { nearCacheBytes: 1_000_000, nearCacheMaxAgeMs: 1_000 }

describe('a write that waits', () => {
  test('is seen at once on the products it names, and only there', async () => {
    const { kck, clock, drain } = world(options)
    await clock.run(kck.fetchMany(['row/7', 'row/8']))
    const { shown } = await kck.writes.accept('set/7', { value: 'a' })
    await kck.writes.accept('set/7', { value: 'b' })
    expect(shown).toEqual(['row/7'])
    const fetched = await clock.run(kck.fetch('row/7'))
    expect(fetched).toMatchObject({ overlaid: 2, state: 'fresh' })
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['a', 'b'] })
    expect(await clock.run(kck.get('row/8'))).toEqual({ values: [] })
    const [seven, eight] = await clock.run(kck.fetchMany(['row/7', 'row/8']))
    expect(seven).toMatchObject({ overlaid: 2 })
    expect(eight).not.toHaveProperty('overlaid')
    await drain()
    // Until the product itself has it, and no longer.
    expect(await clock.run(kck.fetch('row/7', { onlyIfCached: true }))).toMatchObject({ overlaid: 2, state: 'stale' })
    expect(await clock.run(kck.fetch('row/7', { noCache: true }))).not.toHaveProperty('overlaid')
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['a', 'b'] })
  })

  test('is seen on a product that is computed while it waits, which is stored without it', async () => {
    const { kck, clock, store } = world(options)
    await kck.writes.accept('set/7', { value: 'a' })
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['a'] })
    const { row } = await store.entries.get('row/7')
    expect(Buffer.from(row?.value?.body.inline ?? []).toString()).toContain('"values":[]')
  })

  test('hides nothing newer that reached the source by another way', async () => {
    const { kck, clock, drain } = world(options)
    await clock.run(kck.fetch('row/7'))
    await kck.writes.accept('set/7', { value: 'a' })
    await drain()
    await clock.run(kck.update('set/7', { value: 'newer' }))
    await clock.run(kck.refresh('row/7'))
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['a', 'newer'] })
    expect(await clock.run(kck.fetch('row/7'))).not.toHaveProperty('overlaid')
  })

  test('is taken back when it is refused, and shown again when it is retried', async () => {
    const { kck, clock, source, drain } = world(options)
    source.failing.set('bad', violation)
    const { id } = await kck.writes.accept('set/7', { value: 'bad' })
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['bad'] })
    await drain()
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: [] })
    await kck.writes.retry(id)
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['bad'] })
    await drain()
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: [] })
  })

  test('gives an entity tag of its own, says so in the headers, and is kept by no cache downstream', async () => {
    const { kck, clock, source, drain } = world(options)
    source.failing.set('bad', violation)
    const before = await clock.run(kck.fetch('row/7'))
    await clock.advance(5_000)
    await kck.writes.accept('set/7', { value: 'bad' })
    const during = await clock.run(kck.fetch('row/7'))
    await drain()
    const after = await clock.run(kck.fetch('row/7'))
    expect(etagOf(during)).not.toBe(etagOf(before))
    expect(etagOf(after)).toBe(etagOf(before))
    expect(during.version).toBe(before.version)
    const headers = fetchHeaders(during, { now: clock.now(), public: true, forced: false })
    expect(headers).toContain('kck-overlay')
    expect(headers[headers.indexOf('cache-control') + 1]).toBe('public, no-cache')
    // Whoever only has a time never takes the one for the other.
    const has = (fetched: typeof before) => new Date(fetched.modified + 1_000).toUTCString()
    const asks = (since: string) => ({ ifNoneMatch: undefined, ifModifiedSince: since })
    expect(isNotModified(asks(has(before)), etagOf(during), during.modified)).toBe(false)
    expect(after.modified).toBeGreaterThanOrEqual(during.modified)
  })

  test('is seen through near caches: here at once, elsewhere as soon as any other update', async () => {
    const { kck, clock, ...parts } = world({ ...options, options: near })
    const other = world({ ...parts, clock, options: near })
    for (const each of [kck, other.kck]) await clock.run(each.fetch('row/7'))
    await clock.advance(100)
    for (const each of [kck, other.kck]) await clock.run(each.fetch('row/7'))
    await kck.writes.accept('set/7', { value: 'a' })
    expect(kck.peek('row/7')).toBeNull()
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['a'] })
    expect(kck.peek('row/7')).toMatchObject({ overlaid: 1 })
    expect(kck.peek('row/7')?.body).toBe(kck.peek('row/7')?.body)
    await clock.advance(1_001)
    expect(await clock.run(other.kck.get('row/7'))).toEqual({ values: ['a'] })
  })

  test('is seen also where the list was just being read as it was accepted', async () => {
    const { kck, clock, store } = world({ ...options, options: near })
    await clock.run(kck.fetch('row/7'))
    await clock.advance(2_000)
    const { get } = store.registers
    const accepting: Promise<unknown>[] = []
    Object.assign(store.registers, {
      get: async (name: string) => {
        const old = await get(name)
        if (name === 'overlay/row/7' && accepting.length === 0) {
          accepting.push(kck.writes.accept('set/7', { value: 'a' }))
          await accepting[0]
        }
        return old
      },
    })
    await clock.run(kck.fetch('row/7'))
    expect(await clock.run(kck.get('row/7'))).toEqual({ values: ['a'] })
  })

  test('whose overlay throws is not shown, and the product is served', async () => {
    const failing = () => {
      throw new Error('no')
    }
    const { kck, clock } = world({ updater: { overlay: failing } })
    await kck.writes.accept('set/7', { value: 'a' })
    const events = await recordEvents(async () => {
      expect(await clock.run(kck.get('row/7'))).toEqual({ values: [] })
    })
    expect(events).toContainEqual(expect.objectContaining({ type: 'fault', where: 'overlay of set/7' }))
  })

  test('is not shown where a product shows as many as it can; it is applied all the same', async () => {
    const { kck, clock, source, drain } = world(options)
    const shown = []
    for (let count = 0; count < 103; count++)
      shown.push((await kck.writes.accept('set/7', { value: `v${count}` })).shown)
    expect(shown.filter((keys) => keys.length === 0)).toHaveLength(3)
    expect(await clock.run(kck.fetch('row/7'))).toMatchObject({ overlaid: 100 })
    await drain()
    expect(source.rows.get('7')).toHaveLength(103)
  })
})

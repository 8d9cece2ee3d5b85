import fc from 'fast-check'
import { expect } from 'vitest'
import type { EntryRow, Mark } from '../../src/entry/entry.ts'
import type { EntryStore } from '../../src/ports/entry-store.ts'
import { keyTail, rowFields } from './random-rows.ts'
import { emptyRow, nextRow, noise, plainEntry, plainRow, sampleMark, sampleRow, sampleValue } from './rows.ts'
import { type StoreFactory, type StoreHarness, type SuiteOptions, suite, unique } from './suite.ts'

const CHUNK = 512 * 1024

/** What every `EntryStore` must do. Deviations are listed by the adapter's test file, each with its reason. */
export function entryStoreConformance(name: string, factory: StoreFactory, options: SuiteOptions = {}): void {
  suite<StoreHarness>({ name: `EntryStore: ${name}`, factory, options }, (check) => {
    rows(check)
    marks(check)
    many(check)
    chunks(check)
    removal(check)
    cancellation(check)
    concurrency(check, options.increments ?? 50)
    model(check, options.runs ?? 300)
  })
}

type Check = Parameters<Parameters<typeof suite<StoreHarness>>[1]>[0]

function rows(check: Check): void {
  check('an absent key reads as no row and no marks', async ({ store }) => {
    const key = unique('absent')
    expect(await store.entries.get(key)).toEqual({ key, row: null, marks: [] })
    expect(await store.entries.get(key, { consistency: 'latest' })).toEqual({ key, row: null, marks: [] })
  })

  check('compareAndSet creates, replaces, and refuses what does not match', async ({ store: { entries } }) => {
    const key = unique('cas')
    const first = sampleRow(key)
    const second = nextRow(first, { dirtyCause: 'second' })
    expect(await entries.compareAndSet(first, second), 'replaces no absent row').toBe(false)
    expect(await row(entries, key)).toBeNull()
    expect(await entries.compareAndSet(null, first), 'creates').toBe(true)
    expect(await entries.compareAndSet(null, sampleRow(key, { ops: ['other'] })), 'creates once').toBe(false)
    expect(plainRow(await row(entries, key))).toEqual(plainRow(first))
    expect(await entries.compareAndSet(first, second), 'replaces').toBe(true)
    expect(await entries.compareAndSet(first, nextRow(first, { ops: ['late'] })), 'refuses an old rev').toBe(false)
    const ahead = { ...second, rev: 9 }
    expect(await entries.compareAndSet(ahead, nextRow(ahead, { ops: ['ahead'] })), 'refuses a rev ahead').toBe(false)
    expect(plainRow(await row(entries, key))).toEqual(plainRow(second))
  })

  check('only the rev of the previous row is compared', async ({ store: { entries } }) => {
    const key = unique('rev')
    const stored = sampleRow(key)
    await entries.compareAndSet(null, stored)
    const read = { ...stored, dirtyCause: 'as somebody else remembers it' }
    expect(await entries.compareAndSet(read, nextRow(stored))).toBe(true)
  })

  check('a value can be set, kept, replaced and dropped', async ({ store: { entries } }) => {
    const key = unique('value')
    let current = emptyRow(key)
    await entries.compareAndSet(null, current)
    const steps: Partial<EntryRow>[] = [
      { value: sampleValue('body-1', noise(10)) },
      { lease: { token: 't', until: 2, epoch: 0, since: 1 } },
      { value: sampleValue('body-2', noise(65_536)), lease: null },
      { value: sampleValue('body-3', null) },
      { value: sampleValue('body-4', new Uint8Array(0)) },
      { value: null },
      { dirtyCause: 'after the purge' },
    ]
    for (const step of steps) {
      const next = nextRow(current, step)
      expect(await entries.compareAndSet(current, next)).toBe(true)
      current = next
      expect(plainRow(await row(entries, key))).toEqual(plainRow(next))
    }
  })

  check('every field of a row comes back as it was', async ({ store: { entries } }) => {
    const prefix = unique('fields')
    let count = 0
    await fc.assert(
      fc.asyncProperty(rowFields, keyTail, async (fields, tail) => {
        const key = upTo(`${prefix}-${count++}${tail}`, 1152)
        const written: EntryRow = { ...fields, key, rev: 1, removeAt: null }
        expect(await entries.compareAndSet(null, written)).toBe(true)
        expect(plainRow(await row(entries, key))).toEqual(plainRow(written))
      }),
      { numRuns: 60, ...seed },
    )
  })

  check('keys that look alike are different keys', async ({ store: { entries } }) => {
    const base = unique('alike')
    const keys = [
      '',
      '/',
      '/a',
      '/A',
      '/a/',
      '/a%2Fb',
      '/a/b',
      '/é',
      '/e\u0301',
      '/日本語',
      `/${'x'.repeat(1000)}`,
    ].map((tail) => base + tail)
    for (const key of keys) await entries.compareAndSet(null, emptyRow(key, { dirtyCause: key }))
    for (const key of keys) {
      await entries.mark([key], sampleMark(`mark of ${key}`), null)
      await entries.putChunks(key, 'body', [Buffer.from(key)], null)
    }
    for (const key of keys) {
      const entry = await entries.get(key, { consistency: 'latest' })
      expect(entry.row?.dirtyCause).toBe(key)
      expect(entry.marks.map((mark) => mark.id)).toEqual([`mark of ${key}`])
      const [chunk] = (await entries.getChunks(key, 'body', 1)) ?? []
      expect(Buffer.from(chunk ?? []).toString()).toBe(key)
    }
  })

  check('what a caller does to its objects afterwards changes nothing', async ({ store: { entries } }) => {
    const key = unique('shared')
    const bytes = noise(32)
    const chunk = noise(64)
    const ops = ['op-1']
    await entries.compareAndSet(null, sampleRow(key, { ops, value: sampleValue('b', bytes) }))
    await entries.putChunks(key, 'b', [chunk], null)
    bytes.fill(0)
    chunk.fill(0)
    ops.push('op-2')
    const read = await row(entries, key)
    expect(plainRow(read)).toEqual(plainRow(sampleRow(key, { value: sampleValue('b', noise(32)) })))
    read?.value?.body.inline?.fill(0)
    expect(plainRow(await row(entries, key))).toEqual(plainRow(sampleRow(key, { value: sampleValue('b', noise(32)) })))
    const [stored] = (await entries.getChunks(key, 'b', 1)) ?? []
    expect(hex(stored)).toBe(hex(noise(64)))
    stored?.fill(0)
    expect(hex((await entries.getChunks(key, 'b', 1))?.[0])).toBe(hex(noise(64)))
  })

  check('the store answers a ping', async ({ store }) => {
    await store.entries.ping()
    await store.createSchema()
    await store.entries.ping()
  })
}

function marks(check: Check): void {
  check('marks add up, count once per id, and go when unmarked', async ({ store: { entries } }) => {
    const key = unique('marks')
    const [a, b, c] = [sampleMark('a'), sampleMark('b', { upstream: true }), sampleMark('ключ/3', { at: 0, cause: '' })]
    await entries.mark([key], a, null)
    await entries.mark([key], a, null)
    await entries.mark([key], b, null)
    await entries.mark([key], c, null)
    expect(await marksOf(entries, key)).toEqual([a, b, c])
    await entries.unmark(key, ['a', 'ключ/3'])
    await entries.unmark(key, ['a', 'never there'])
    await entries.unmark(key, [])
    expect(await marksOf(entries, key)).toEqual([b])
  })

  check('one call marks many keys, and marks need no row', async ({ store: { entries } }) => {
    const keys = range(50).map((index) => unique(`marked-${index}`))
    await entries.mark(keys, sampleMark('change-1'), null)
    await entries.mark([], sampleMark('change-2'), null)
    for (const entry of await entries.getMany(keys, { consistency: 'latest' })) {
      expect(entry.row).toBeNull()
      expect(entry.marks).toEqual([sampleMark('change-1')])
    }
  })

  check('a key carries 500 marks', async ({ store: { entries } }) => {
    const key = unique('many-marks')
    const ids = range(500).map((index) => `mark-${String(index).padStart(3, '0')}`)
    await inGroups(ids, 25, (id) => entries.mark([key], sampleMark(id), null))
    expect((await marksOf(entries, key)).map((mark) => mark.id)).toEqual(ids)
    await entries.unmark(key, ids.slice(0, 499))
    expect((await marksOf(entries, key)).map((mark) => mark.id)).toEqual(['mark-499'])
  })

  check('rows and marks leave each other alone', async ({ store: { entries } }) => {
    const key = unique('apart')
    await entries.mark([key], sampleMark('before'), null)
    expect(await entries.compareAndSet(null, sampleRow(key))).toBe(true)
    await entries.mark([key], sampleMark('between'), null)
    expect(await entries.compareAndSet(sampleRow(key), nextRow(sampleRow(key)))).toBe(true)
    expect((await marksOf(entries, key)).map((mark) => mark.id)).toEqual(['before', 'between'])
    await entries.unmark(key, ['before', 'between'])
    expect(plainRow(await row(entries, key))).toEqual(plainRow(nextRow(sampleRow(key))))
  })
}

function many(check: Check): void {
  check('getMany answers in the order asked, with duplicates and absent keys', async ({ store: { entries } }) => {
    const [a, b, absent] = [unique('a'), unique('b'), unique('absent')]
    await entries.compareAndSet(null, sampleRow(a))
    await entries.compareAndSet(null, emptyRow(b))
    await entries.mark([b], sampleMark('m'), null)
    const read = await entries.getMany([b, absent, a, b, a], { consistency: 'latest' })
    expect(read.map((entry) => entry.key)).toEqual([b, absent, a, b, a])
    expect(read.map((entry) => entry.row?.rev ?? 0)).toEqual([1, 0, 1, 1, 1])
    expect(read.map((entry) => entry.marks.length)).toEqual([1, 0, 0, 1, 0])
    expect(plainRow(read[2]?.row ?? null)).toEqual(plainRow(sampleRow(a)))
    expect(await entries.getMany([])).toEqual([])
  })

  check('getMany reads 200 keys', async ({ store: { entries } }) => {
    const keys = range(200).map((index) => unique(`wide-${index}`))
    await inGroups(keys, 20, (key) => entries.compareAndSet(null, emptyRow(key, { dirtyCause: key })))
    const read = await entries.getMany(keys, { consistency: 'latest' })
    expect(read.map((entry) => entry.row?.dirtyCause)).toEqual(keys)
  })
}

function chunks(check: Check): void {
  check('chunks come back in order, or not at all when one is missing', async ({ store: { entries } }) => {
    const key = unique('chunks')
    const body = [noise(CHUNK, 1), noise(1, 2), noise(CHUNK, 3)]
    expect(await entries.getChunks(key, 'b1', 3)).toBeNull()
    await entries.putChunks(key, 'b1', body, null)
    await entries.putChunks(key, 'b1', body, null)
    expect((await entries.getChunks(key, 'b1', 3))?.map(hex)).toEqual(body.map(hex))
    expect(await entries.getChunks(key, 'b1', 4)).toBeNull()
    expect(await entries.getChunks(key, 'b2', 3)).toBeNull()
    expect(await entries.getChunks(unique('other'), 'b1', 3)).toBeNull()
    await entries.putChunks(key, 'b2', [noise(9)], null)
    await entries.deleteChunks(key, 'b1', 3)
    await entries.deleteChunks(key, 'b1', 3)
    expect(await entries.getChunks(key, 'b1', 3)).toBeNull()
    expect((await entries.getChunks(key, 'b2', 1))?.map(hex)).toEqual([hex(noise(9))])
  })

  check('a body of 40 MB makes the round trip', async ({ store: { entries } }) => {
    const key = unique('large')
    const body = range(80).map((index) => noise(CHUNK, index))
    await entries.putChunks(key, 'large', body, null)
    const read = await entries.getChunks(key, 'large', body.length)
    expect(read?.length).toBe(80)
    for (const [index, chunk] of (read ?? []).entries()) expect(Buffer.compare(chunk, body[index] ?? chunk)).toBe(0)
    await entries.deleteChunks(key, 'large', body.length)
  })
}

function removal(check: Check): void {
  const put = async (entries: EntryStore, key: string, removeAt: number) => {
    await entries.compareAndSet(null, sampleRow(key, { removeAt }))
    await entries.mark([key], sampleMark('m'), removeAt)
    await entries.putChunks(key, 'b', [noise(9)], removeAt)
  }

  check('nothing is removed before its removeAt', async (harness) => {
    const { entries } = harness.store
    const key = unique('kept')
    const removeAt = now(harness) + 3000
    await put(entries, key, removeAt)
    await harness.advance?.(1500)
    expect(plainEntry(await entries.get(key, { consistency: 'latest' }))).toEqual(
      plainEntry({ key, row: sampleRow(key, { removeAt }), marks: [sampleMark('m')] }),
    )
    expect(await entries.getChunks(key, 'b', 1)).not.toBeNull()
  })

  check('everything is gone from its removeAt on', async (harness) => {
    const { entries } = harness.store
    const key = unique('removed')
    await put(entries, key, now(harness) + 2000)
    await advance(harness, 2000)
    expect(await entries.get(key, { consistency: 'latest' })).toEqual({ key, row: null, marks: [] })
    expect((await entries.getMany([key]))[0]).toEqual({ key, row: null, marks: [] })
    expect(await entries.getChunks(key, 'b', 1)).toBeNull()
    const removed = sampleRow(key)
    expect(await entries.compareAndSet(removed, nextRow(removed)), 'no removed row is replaced').toBe(false)
    expect(await entries.compareAndSet(null, removed), 'a new one is created').toBe(true)
    expect(plainRow(await row(entries, key))).toEqual(plainRow(removed))
  })

  check('a later removeAt keeps the row, its inline body and its marks', async (harness) => {
    const { entries } = harness.store
    const key = unique('longer')
    const first = sampleRow(key, { removeAt: now(harness) + 2000 })
    const second = nextRow(first, { removeAt: now(harness) + 3_600_000 })
    const third = nextRow(second, { removeAt: null })
    await entries.compareAndSet(null, first)
    await entries.mark([key], sampleMark('m'), now(harness) + 2000)
    await entries.mark([key], sampleMark('m'), null)
    await entries.compareAndSet(first, second)
    await entries.compareAndSet(second, third)
    await harness.advance?.(4000)
    expect(plainEntry(await entries.get(key, { consistency: 'latest' }))).toEqual(
      plainEntry({ key, row: third, marks: [sampleMark('m')] }),
    )
  })

  check('a removeAt that has passed already is no error', async (harness) => {
    const { entries } = harness.store
    const key = unique('passed')
    await put(entries, key, now(harness) - 60_000)
    await entries.ping()
  })

  check('a removeAt 100 years ahead is kept', async (harness) => {
    const { entries } = harness.store
    const key = unique('centuries')
    const removeAt = now(harness) + 100 * 365 * 86_400_000
    await put(entries, key, removeAt)
    expect((await row(entries, key))?.removeAt).toBe(removeAt)
    expect(await marksOf(entries, key)).toEqual([sampleMark('m')])
    expect(await entries.getChunks(key, 'b', 1)).not.toBeNull()
  })
}

function cancellation(check: Check): void {
  check('an aborted call throws the reason and changes nothing', async ({ store: { entries } }) => {
    const key = unique('aborted')
    await entries.compareAndSet(null, sampleRow(key))
    const reason = new Error('nobody waits any more')
    const options = { signal: AbortSignal.abort(reason) }
    const calls = [
      () => entries.get(key, options),
      () => entries.getMany([key], options),
      () => entries.compareAndSet(sampleRow(key), nextRow(sampleRow(key)), options),
      () => entries.mark([key], sampleMark('m'), null, options),
      () => entries.unmark(key, ['m'], options),
      () => entries.putChunks(key, 'b', [noise(9)], null, options),
      () => entries.getChunks(key, 'b', 1, options),
      () => entries.deleteChunks(key, 'b', 1, options),
      () => entries.ping(options),
    ]
    for (const call of calls) await expect(call()).rejects.toBe(reason)
    expect(plainEntry(await entries.get(key))).toEqual(plainEntry({ key, row: sampleRow(key), marks: [] }))
    expect(await entries.getChunks(key, 'b', 1)).toBeNull()
  })
}

function concurrency(check: Check, increments: number): void {
  const clients = async (harness: StoreHarness): Promise<EntryStore[]> => {
    const second = (await harness.another?.()) ?? harness.store
    return range(8).map((index) => (index % 2 ? second : harness.store).entries)
  }

  check('8 clients that compare and set one key lose no step', async (harness) => {
    const key = unique('counter')
    await harness.store.entries.compareAndSet(null, emptyRow(key, { rev: 1, epoch: 0 }))
    await Promise.all((await clients(harness)).map((entries) => countUp(entries, key, increments)))
    const last = await row(harness.store.entries, key)
    expect({ rev: last?.rev, epoch: last?.epoch }).toEqual({ rev: 1 + 8 * increments, epoch: 8 * increments })
  })

  check('of 8 clients that create one key exactly one succeeds', async (harness) => {
    const all = await clients(harness)
    for (let round = 0; round < 5; round++) {
      const key = unique('create')
      const created = await Promise.all(
        all.map((entries, index) => entries.compareAndSet(null, emptyRow(key, { ops: [`client-${index}`] }))),
      )
      expect(created.filter(Boolean)).toHaveLength(1)
      expect((await row(harness.store.entries, key))?.ops).toEqual([`client-${created.indexOf(true)}`])
    }
  })

  check('marks written while the row changes are all there', async (harness) => {
    const key = unique('mark-race')
    await harness.store.entries.compareAndSet(null, emptyRow(key))
    const ids = range(200).map((index) => `m-${String(index).padStart(3, '0')}`)
    const all = await clients(harness)
    await Promise.all([
      countUp(harness.store.entries, key, increments),
      ...range(4).map((client) =>
        inGroups(
          ids.filter((_, index) => index % 4 === client),
          5,
          (id) => (all[client] ?? harness.store.entries).mark([key], sampleMark(id), null),
        ),
      ),
    ])
    const entry = await harness.store.entries.get(key, { consistency: 'latest' })
    expect(entry.marks.map((mark) => mark.id).sort()).toEqual(ids)
    expect(entry.row?.epoch).toBe(increments)
  })

  check('a latest read sees every write acknowledged to another client', async (harness) => {
    const key = unique('latest')
    const other = ((await harness.another?.()) ?? harness.store).entries
    let current = emptyRow(key)
    expect(await harness.store.entries.compareAndSet(null, current)).toBe(true)
    for (let step = 0; step < 30; step++) {
      await harness.store.entries.mark([key], sampleMark(`m-${step}`), null)
      const next = nextRow(current)
      expect(await harness.store.entries.compareAndSet(current, next)).toBe(true)
      current = next
      const seen = await other.get(key, { consistency: 'latest' })
      expect([seen.row?.rev, seen.marks.length]).toEqual([next.rev, step + 1])
      const [seenAmong] = await other.getMany([key], { consistency: 'latest' })
      expect([seenAmong?.row?.rev, seenAmong?.marks.length]).toEqual([next.rev, step + 1])
    }
  })
}

async function countUp(entries: EntryStore, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const { row: current } = await entries.get(key, { consistency: 'latest' })
    if (!current) throw new Error('The counter is gone')
    if (await entries.compareAndSet(current, nextRow(current, { epoch: current.epoch + 1 }))) done++
  }
}

/** One step of a random history over three keys, three mark ids and two bodies. */
type Step =
  | { readonly do: 'cas'; readonly key: number; readonly back: number; readonly fields: Partial<EntryRow> }
  | { readonly do: 'mark'; readonly keys: readonly number[]; readonly mark: number }
  | { readonly do: 'unmark'; readonly key: number; readonly marks: readonly number[] }
  | { readonly do: 'put' | 'delete'; readonly key: number; readonly body: number }
  | { readonly do: 'read'; readonly keys: readonly number[] }

const index = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('cas'),
      key: index,
      back: fc.constantFrom(0, 0, 0, 1, 2, -1),
      fields: rowFields,
    }),
  },
  fc.record({ do: fc.constant('mark'), keys: fc.uniqueArray(index, { minLength: 1 }), mark: index }),
  fc.record({ do: fc.constant('unmark'), key: index, marks: fc.uniqueArray(index) }),
  fc.record({ do: fc.constantFrom('put', 'delete'), key: index, body: fc.nat(1) }),
  fc.record({ do: fc.constant('read'), keys: fc.array(index, { maxLength: 4 }) }),
)

interface ModelEntry {
  row: EntryRow | null
  readonly marks: Map<string, Mark>
  readonly bodies: Set<string>
}

function model(check: Check, runs: number): void {
  check('random histories agree with a plain model', async ({ store: { entries } }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const prefix = unique('model')
        const expected = new Map<string, ModelEntry>()
        const keys = range(3).map((each) => `${prefix}/${each}`)
        for (const key of keys) expected.set(key, { row: null, marks: new Map(), bodies: new Set() })
        for (const each of steps) await play(entries, each, keys, expected)
        await compare(entries, keys, expected)
      }),
      { numRuns: runs, ...seed },
    )
  })
}

async function play(entries: EntryStore, each: Step, keys: readonly string[], expected: Map<string, ModelEntry>) {
  const keyOf = (at: number) => keys[at] ?? ''
  const modelOf = (at: number) => expected.get(keyOf(at)) ?? { row: null, marks: new Map(), bodies: new Set() }
  switch (each.do) {
    case 'cas':
      return await playCompareAndSet(entries, each, keyOf(each.key), modelOf(each.key))
    case 'mark': {
      const mark = sampleMark(`m${each.mark}`)
      await entries.mark(each.keys.map(keyOf), mark, null)
      for (const key of each.keys) modelOf(key).marks.set(mark.id, mark)
      return
    }
    case 'unmark':
      await entries.unmark(
        keyOf(each.key),
        each.marks.map((mark) => `m${mark}`),
      )
      for (const mark of each.marks) modelOf(each.key).marks.delete(`m${mark}`)
      return
    case 'put':
      await entries.putChunks(keyOf(each.key), `b${each.body}`, [noise(9, each.body), noise(20, each.body)], null)
      modelOf(each.key).bodies.add(`b${each.body}`)
      return
    case 'delete':
      await entries.deleteChunks(keyOf(each.key), `b${each.body}`, 2)
      modelOf(each.key).bodies.delete(`b${each.body}`)
      return
    case 'read':
      return await compare(entries, each.keys.map(keyOf), expected)
  }
}

/** `back` 0 uses the stored row, 1 and 2 older ones, -1 none. */
async function playCompareAndSet(
  entries: EntryStore,
  each: Extract<Step, { do: 'cas' }>,
  key: string,
  known: ModelEntry,
): Promise<void> {
  const rev = each.back < 0 ? 0 : Math.max(0, (known.row?.rev ?? 0) - each.back)
  const previous = rev === 0 ? null : { ...(known.row ?? emptyRow(key)), rev }
  const next: EntryRow = { ...emptyRow(key), ...each.fields, key, rev: rev + 1, removeAt: null }
  const applies = rev === (known.row?.rev ?? 0)
  expect(await entries.compareAndSet(previous, next)).toBe(applies)
  if (applies) known.row = next
}

async function compare(entries: EntryStore, keys: readonly string[], expected: ReadonlyMap<string, ModelEntry>) {
  const wanted = keys.map((key) => {
    const known = expected.get(key)
    return plainEntry({ key, row: known?.row ?? null, marks: [...(known?.marks.values() ?? [])] })
  })
  expect((await entries.getMany(keys, { consistency: 'latest' })).map(plainEntry)).toEqual(wanted)
  for (const key of new Set(keys)) {
    for (const body of ['b0', 'b1']) {
      const seedOfBody = Number(body.slice(1))
      const stored = expected.get(key)?.bodies.has(body) ?? false
      const wantedChunks = stored ? [noise(9, seedOfBody), noise(20, seedOfBody)].map(hex) : undefined
      expect((await entries.getChunks(key, body, 2))?.map(hex)).toEqual(wantedChunks)
    }
  }
}

/** `KCK_SEED` replays a failed run. */
const seed = process.env['KCK_SEED'] ? { seed: Number(process.env['KCK_SEED']) } : {}

async function row(entries: EntryStore, key: string): Promise<EntryRow | null> {
  return (await entries.get(key, { consistency: 'latest' })).row
}

async function marksOf(entries: EntryStore, key: string): Promise<readonly Mark[]> {
  const { marks: found } = await entries.get(key, { consistency: 'latest' })
  return [...found].sort((a, b) => (a.id < b.id ? -1 : 1))
}

function now(harness: StoreHarness): number {
  return harness.now?.() ?? Date.now()
}

async function advance(harness: StoreHarness, ms: number): Promise<void> {
  if (!harness.advance)
    throw new Error('This test needs a harness whose time can be moved: give `advance` or list a deviation')
  await harness.advance(ms)
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, each) => each)
}

async function inGroups<T>(items: readonly T[], size: number, work: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += size) await Promise.all(items.slice(from, from + size).map(work))
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex')
}

/** The longest start of `text` of at most `bytes` bytes that ends at a whole character. */
function upTo(text: string, bytes: number): string {
  return Buffer.from(text)
    .subarray(0, bytes)
    .toString()
    .replace(/\ufffd$/, '')
}

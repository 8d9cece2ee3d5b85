import { expect } from 'vitest'
import { MemoryUpdateLog } from '../../src/adapters/memory/update-log.ts'
import { type LogPage, MAX_UPDATE_BYTES, type UpdateLog } from '../../src/ports/update-log.ts'
import { createSeededEntropy } from '../support/virtual-clock.ts'
import { type SuiteOptions, suite, unique } from './suite.ts'

export interface LogHarness {
  /** Of a dataset of its own. */
  readonly log: UpdateLog
  /** Another client of the same dataset. */
  another(): Promise<UpdateLog>
  /** How many updates take space. */
  stored(): Promise<number>
  close(): Promise<void>
}

const MEGABYTE = 1024 * 1024
const bytes = (text: string) => Buffer.from(text)
const update = (contents: string | Uint8Array, key: string | null = null) => ({
  contents: typeof contents === 'string' ? bytes(contents) : contents,
  key: key === null ? null : Buffer.from(key, 'latin1'),
  operation: unique('operation'),
})

/** All pages from `after` on. */
async function readAll(log: UpdateLog, after = 0, limit = MEGABYTE) {
  const updates: [number, string][] = []
  for (let from = after; ; ) {
    const page = await log.read(from, { bytes: limit })
    for (const { id, contents } of page.updates) updates.push([id, Buffer.from(contents).toString()])
    expect(page.through).toBeGreaterThanOrEqual(page.updates.at(-1)?.id ?? from)
    if (page.through >= page.head) return { updates, through: page.through }
    expect(page.through).toBeGreaterThan(from)
    from = page.through
  }
}

export function updateLogConformance(
  name: string,
  factory: () => Promise<LogHarness>,
  options: SuiteOptions & { readonly appends?: number } = {},
): void {
  suite({ name: `update log: ${name}`, factory, options }, (check) => {
    check('a new log is empty and the same for everyone', async ({ log, another }) => {
      const state = await log.state()
      expect(state).toMatchObject({ head: 0, floor: 0 })
      expect(state.logId).not.toBe('')
      expect(await (await another()).state()).toEqual(state)
      expect(await log.read(0, { bytes: 1000 })).toEqual({ ...state, updates: [], through: 0 })
    })

    check('updates come back in order, with their bytes', async ({ log, another }) => {
      const contents = [Buffer.alloc(0), Buffer.from([0, 255, 1]), bytes('three')]
      const ids: number[] = []
      for (const each of contents) ids.push(await log.append(update(each)))
      expect(ids).toEqual([1, 2, 3])
      const page = await (await another()).read(0, { bytes: 1000 })
      expect(page.updates.map(({ id, contents: found }) => [id, Buffer.from(found)])).toEqual([
        [1, contents[0]],
        [2, contents[1]],
        [3, contents[2]],
      ])
      expect(page).toMatchObject({ head: 3, through: 3 })
      expect((await log.read(2, { bytes: 1000 })).updates.map(({ id }) => id)).toEqual([3])
      expect((await log.read(3, { bytes: 1000 })).updates).toEqual([])
    })

    check('pages are bounded by their bytes, and hold at least one update', async ({ log }) => {
      for (let each = 0; each < 6; each++) await log.append(update(String(each).repeat(1000)))
      const sizes: number[] = []
      for (let after = 0; after < 6; ) {
        const page = await log.read(after, { bytes: 2500 })
        sizes.push(page.updates.length)
        after = page.through
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
      expect((await log.read(0, { bytes: 1 })).updates).toHaveLength(1)
      expect((await readAll(log, 0, 10)).updates.map(([id]) => id)).toEqual([1, 2, 3, 4, 5, 6])
    })

    check('an update of one key supersedes the earlier ones, and takes no more space than one', async (harness) => {
      const { log, stored } = harness
      await log.append(update('other', 'other'))
      for (let each = 0; each < 10; each++) await log.append(update(`value ${each}`, 'key'))
      expect(await stored()).toBe(2)
      expect(await readAll(log)).toEqual({
        updates: [
          [1, 'other'],
          [11, 'value 9'],
        ],
        through: 11,
      })
      await (await harness.another()).append(update('from another', 'key'))
      expect(await stored()).toBe(2)
      expect((await readAll(log, 11)).updates).toEqual([[12, 'from another']])
    })

    check('an update of several keys supersedes nothing and is not superseded', async ({ log, stored }) => {
      await log.append(update('a', 'a'))
      await log.append(update('several'))
      await log.append(update('several again'))
      await log.append(update('a again', 'a'))
      expect((await readAll(log)).updates.map(([id]) => id)).toEqual([2, 3, 4])
      expect(await stored()).toBe(3)
    })

    check('keys are bytes, up to the longest', async ({ log, stored }) => {
      const keys = ['\0', '\0\0', '\xff', 'é'.repeat(10), 'k'.repeat(1024), `${'k'.repeat(1023)}l`]
      for (const key of [...keys, ...keys]) await log.append(update(key, key))
      expect((await readAll(log)).updates).toEqual(keys.map((key, index) => [keys.length + index + 1, key]))
      expect(await stored()).toBe(keys.length)
    })

    check('the largest update comes back whole, and can be superseded', async ({ log, stored }) => {
      const largest = Buffer.alloc(MAX_UPDATE_BYTES, 'large')
      await log.append(update(largest, 'key'))
      await log.append(update(largest))
      const { updates } = await log.read(0, { bytes: 10 * MEGABYTE })
      expect(updates.map(({ contents }) => Buffer.compare(contents, largest))).toEqual([0, 0])
      await log.append(update('small', 'key'))
      expect((await readAll(log, 2)).updates).toEqual([[3, 'small']])
      expect(await stored()).toBe(2)
    })

    check('the floor rises, never above the head, and never falls', async ({ log, another }) => {
      for (let each = 0; each < 5; each++) await log.append(update(String(each)))
      await log.raiseFloor(3)
      await log.raiseFloor(2)
      expect(await (await another()).state()).toMatchObject({ head: 5, floor: 3 })
      expect(await log.read(1, { bytes: 1000 })).toMatchObject({ floor: 3 })
      await expect(log.remove(4)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
      await log.raiseFloor(99)
      expect(await log.state()).toMatchObject({ head: 5, floor: 5 })
    })

    check('ids go on rising when everything has been removed', async ({ log, another, stored }) => {
      for (let each = 0; each < 4; each++) await log.append(update(String(each), each % 2 ? 'key' : null))
      await log.raiseFloor(4)
      await log.remove(4)
      await log.remove(4)
      expect(await stored()).toBe(0)
      const second = await another()
      expect(await second.state()).toMatchObject({ head: 4, floor: 4 })
      expect(await second.read(4, { bytes: 1000 })).toMatchObject({ updates: [], head: 4, through: 4, floor: 4 })
      expect(await second.append(update('on', 'key'))).toBe(5)
      expect((await readAll(log, 4)).updates).toEqual([[5, 'on']])
      expect(await stored()).toBe(1)
    })

    check('removal leaves what lies above', async ({ log, stored }) => {
      for (let each = 0; each < 9; each++) await log.append(update(String(each), each === 8 ? 'key' : null))
      await log.raiseFloor(6)
      await log.remove(6)
      expect((await readAll(log, 6)).updates.map(([id]) => id)).toEqual([7, 8, 9])
      expect(await stored()).toBe(3)
    })

    check('many writers and readers: nobody finds an id below one that it has seen', async ({ log, another }) => {
      const appends = options.appends ?? 40
      const writers = [log, await another(), await another()]
      const readers = [await another(), await another()]
      const total = writers.length * appends
      const written = new Map<number, string>()
      const write = async (writer: UpdateLog, number: number) => {
        for (let each = 0; each < appends; each++) {
          const contents = `${number}/${each}`
          const id = await writer.append(update(contents))
          expect(written.has(id)).toBe(false)
          written.set(id, contents)
        }
      }
      const follow = async (reader: UpdateLog) => {
        const seen: number[] = []
        for (let after = 0; after < total; ) {
          const page: LogPage = await reader.read(after, { bytes: 10_000 })
          seen.push(...page.updates.map(({ id }) => id))
          after = page.through
        }
        return seen
      }
      const [seen] = await Promise.all([Promise.all(readers.map(follow)), ...writers.map(write)])
      const ids = Array.from({ length: total }, (_, index) => index + 1)
      for (const each of seen) expect(each).toEqual(ids)
      expect((await readAll(log)).updates).toEqual(ids.map((id) => [id, written.get(id)]))
    })

    check('writers of the same keys: what is left is the last of each key', async ({ log, another }) => {
      const appends = options.appends ?? 40
      const last = new Map<string, [number, string]>()
      const write = async (writer: UpdateLog, number: number) => {
        for (let each = 0; each < appends; each++) {
          const [key, contents] = [`key ${each % 3}`, `${number}/${each}`]
          const id = await writer.append(update(contents, key))
          if (id > (last.get(key)?.[0] ?? 0)) last.set(key, [id, contents])
        }
      }
      await Promise.all([log, await another(), await another()].map(write))
      const found = new Map((await readAll(log)).updates)
      for (const [id, contents] of last.values()) expect(found.get(id)).toBe(contents)
    })

    check('an aborted signal throws its reason', async ({ log }) => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(log.append(update('a'), { signal })).rejects.toThrow('enough')
      await expect(log.read(0, { bytes: 1 }, { signal })).rejects.toThrow('enough')
      await expect(log.state({ signal })).rejects.toThrow('enough')
    })

    check('a closed log opens again by itself', async ({ log }) => {
      await log.append(update('before'))
      await log.close()
      await log.close()
      expect(await log.append(update('after'))).toBe(2)
      expect((await readAll(log)).updates).toHaveLength(2)
    })

    check('any sequence of calls leaves what the reference has', async ({ log, another }) => {
      const second = await another()
      const reference = new MemoryUpdateLog((await log.state()).logId)
      const { random } = createSeededEntropy(11)
      for (let step = 0; step < (options.runs ?? 200); step++) {
        await sameStep({ client: random() < 0.5 ? log : second, reference }, random, step)
      }
      const { floor } = await reference.state()
      expect(await readAll(second, floor)).toEqual(await readAll(reference, floor))
    })
  })
}

/** One call, by chance, of a client and of the reference; both say the same. */
async function sameStep(logs: { client: UpdateLog; reference: UpdateLog }, random: () => number, step: number) {
  const { client, reference } = logs
  const pick = (limit: number) => Math.floor(random() * limit)
  const { head, floor } = await reference.state()
  if (random() < 0.7) {
    const next = update(`step ${step}`, random() < 0.7 ? `key ${pick(5)}` : null)
    expect(await client.append(next)).toBe(await reference.append(next))
  } else if (random() < 0.15) {
    const id = pick(head + 3)
    await Promise.all([client.raiseFloor(id), reference.raiseFloor(id)])
    if (id <= (await reference.state()).floor) await Promise.all([client.remove(id), reference.remove(id)])
  } else {
    const after = floor + pick(head - floor + 1)
    expect(await readAll(client, after)).toEqual(await readAll(reference, after))
    expect(await client.state()).toEqual(await reference.state())
  }
}

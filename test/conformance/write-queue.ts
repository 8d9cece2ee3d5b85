import { expect } from 'vitest'
import type { WriteQueue } from '../../src/ports/write-queue.ts'
import { type StoreFactory, type StoreHarness, type SuiteOptions, suite } from './suite.ts'

/** What every `WriteQueue` must do. */
export function writeQueueConformance(name: string, factory: StoreFactory, options: SuiteOptions = {}): void {
  suite<StoreHarness>({ name: `WriteQueue: ${name}`, factory, options }, (check) => {
    check('a shard that nobody wrote is empty', async ({ store: { writeQueue } }) => {
      expect(await writeQueue.read(emptyShard(), 0, 10)).toEqual([])
    })

    check('records are read in the order of their positions, from any on', async ({ store: { writeQueue } }) => {
      const shard = emptyShard()
      for (const [index, text] of ['one', 'two', 'three'].entries()) {
        expect(await writeQueue.append(shard, index + 1, record(text))).toBe(true)
      }
      expect(await writeQueue.read(shard, 0, 10)).toEqual([
        { position: 1, rev: 1, text: 'one' },
        { position: 2, rev: 1, text: 'two' },
        { position: 3, rev: 1, text: 'three' },
      ])
      expect(await writeQueue.read(shard, 1, 1)).toEqual([{ position: 2, rev: 1, text: 'two' }])
      expect(await writeQueue.read(shard, 3, 10)).toEqual([])
      expect(await writeQueue.read(emptyShard(), 0, 10)).toEqual([])
    })

    check('a position is taken once', async ({ store: { writeQueue } }) => {
      const shard = emptyShard()
      expect(await writeQueue.append(shard, 1, record('first'))).toBe(true)
      expect(await writeQueue.append(shard, 1, record('second'))).toBe(false)
      expect(await writeQueue.read(shard, 0, 10)).toEqual([{ position: 1, rev: 1, text: 'first' }])
    })

    check('of those who append at the same time one gets each position', async (harness) => {
      const shard = emptyShard()
      const others = await Promise.all([harness.another?.(), harness.another?.()])
      const queues = [harness.store, ...others].flatMap((store) => (store ? [store.writeQueue] : []))
      await Promise.all(queues.map((queue, index) => appendMany(queue, shard, `${index}-`, options.increments ?? 50)))
      const all = await harness.store.writeQueue.read(shard, 0, 10_000)
      expect(all.map(({ position }) => position)).toEqual(all.map((_, index) => index + 1))
      expect(new Set(all.map(({ text }) => text)).size).toBe(queues.length * (options.increments ?? 50))
      // Each saw its own in its own order.
      for (const index of queues.keys()) {
        const own = all.filter(({ text }) => text.startsWith(`${index}-`)).map(({ text }) => Number(text.split('-')[1]))
        expect(own).toEqual(own.toSorted((a, b) => a - b))
      }
    })

    check('a long log is read across whatever it is cut into', async ({ store: { writeQueue } }) => {
      const shard = emptyShard()
      const from = 480
      for (let position = from + 1; position <= from + 80; position++) {
        expect(await writeQueue.append(shard, position, record(String(position)))).toBe(true)
      }
      const numbers = async (after: number, limit: number) =>
        (await writeQueue.read(shard, after, limit)).map(({ text }) => Number(text))
      expect(await numbers(from, 1_000)).toEqual(Array.from({ length: 80 }, (_, index) => from + 1 + index))
      expect(await numbers(511, 3)).toEqual([512, 513, 514])
      expect(await numbers(512, 1)).toEqual([513])
      expect(await numbers(from + 80, 10)).toEqual([])
    })

    check('a record is replaced on the revision that is named', async ({ store: { writeQueue } }) => {
      const shard = emptyShard()
      await writeQueue.append(shard, 1, record('one'))
      const next = { ...record('other'), removeAt: null }
      expect(await writeQueue.replace(shard, { position: 1, rev: 2 }, next)).toBe(false)
      expect(await writeQueue.replace(shard, { position: 2, rev: 1 }, next)).toBe(false)
      expect(await writeQueue.replace(shard, { position: 1, rev: 1 }, next)).toBe(true)
      expect(await writeQueue.replace(shard, { position: 1, rev: 1 }, next)).toBe(false)
      expect(await writeQueue.read(shard, 0, 10)).toEqual([{ position: 1, rev: 2, text: 'other' }])
    })

    check('texts may be anything, and long', async ({ store: { writeQueue } }) => {
      const shard = emptyShard()
      const text = JSON.stringify({ text: '日本語 \u0000 🙂', long: 'x'.repeat(400_000) })
      expect(await writeQueue.append(shard, 1, record(text))).toBe(true)
      expect(await writeQueue.read(shard, 0, 1)).toEqual([{ position: 1, rev: 1, text }])
    })

    check('a record is there until its end and gone from then on', async ({ store: { writeQueue }, now, advance }) => {
      const shard = emptyShard()
      const time = now?.() ?? Date.now()
      await writeQueue.append(shard, 1, record('brief'))
      await writeQueue.append(shard, 2, record('kept'))
      await writeQueue.replace(shard, { position: 1, rev: 1 }, { ...record('brief'), removeAt: time + 2_000 })
      expect(await writeQueue.read(shard, 0, 10)).toHaveLength(2)
      await advance?.(4_000)
      expect(await writeQueue.read(shard, 0, 10)).toEqual([])
      expect(await writeQueue.read(shard, 1, 10)).toEqual([{ position: 2, rev: 1, text: 'kept' }])
    })

    check('what is aborted changes nothing', async ({ store: { writeQueue } }) => {
      const shard = emptyShard()
      const signal = AbortSignal.abort(new Error('gone'))
      await expect(writeQueue.append(shard, 1, record('one'), { signal })).rejects.toThrow('gone')
      await expect(writeQueue.read(shard, 0, 1, { signal })).rejects.toThrow('gone')
      expect(await writeQueue.read(shard, 0, 1)).toEqual([])
    })
  })
}

let shards = 20
/** A shard that no other test uses: a store may be shared. KCK itself uses the first few. */
function emptyShard(): number {
  shards += 1
  return shards
}

let operations = 0
function record(text: string) {
  operations += 1
  return { text, operation: `write-${operations}` }
}

async function appendMany(queue: WriteQueue, shard: number, prefix: string, count: number): Promise<void> {
  let position = 1
  for (let done = 0; done < count; position++) {
    if (await queue.append(shard, position, record(`${prefix}${done}`))) done++
  }
}

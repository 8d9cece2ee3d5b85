import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileUpdateLog } from '../../../src/adapters/file-log/update-log.ts'
import { MemoryUpdateLog } from '../../../src/adapters/memory/update-log.ts'
import type { UpdateLog } from '../../../src/ports/update-log.ts'
import { raw } from '../../../src/replica/codec.ts'
import { encodeUpdate } from '../../../src/replica/update-codec.ts'
import { replicaMachines } from '../../support/replica-machines.ts'

/** What whycache was seen to do wrong, one test each. What it did in compaction is in `maintenance.test.ts`. */
let machines: ReturnType<typeof replicaMachines>
beforeEach(() => {
  machines = replicaMachines()
})
afterEach(() => machines.close())

const stored = async (log: UpdateLog) => (await log.read(0, { bytes: Number.POSITIVE_INFINITY })).updates.length

/** A log whose next call of `method` waits until it is let go. */
function heldUp(log: UpdateLog, method: 'append' | 'read', when: 'before' | 'after') {
  let release: () => void = () => undefined
  let arrived: () => void = () => undefined
  const [held, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  release = held.resolve
  arrived = reached.resolve
  let isFirst = true
  const slow = new Proxy(log, {
    get: (target, name: keyof UpdateLog) => {
      const call = (target[name] as (...parameters: unknown[]) => Promise<unknown>).bind(target)
      if (name !== method) return call
      return async (...parameters: unknown[]) => {
        const wait = async () => {
          if (!isFirst) return
          isFirst = false
          arrived()
          await held.promise
        }
        if (when === 'before') await wait()
        const result = await call(...parameters)
        if (when === 'after') await wait()
        return result
      }
    },
  })
  return { log: slow, reached: reached.promise, release }
}

test('setting nothing and deleting nothing write no update', async () => {
  const replica = await machines.ready()
  await replica.set('key', 1)
  expect(await replica.setMany({})).toBe(1)
  expect(await replica.setMany([])).toBe(1)
  expect(await replica.deleteMany([])).toBe(1)
  expect((await machines.log.state()).head).toBe(1)
})

test('deleting a key that is not here is no error, and is in the log', async () => {
  const replica = await machines.ready()
  expect(await replica.delete('missing')).toBe(1)
  expect(await replica.deleteMany(['missing', 'too'])).toBe(2)
  expect(replica.updateId).toBe(2)
  expect(replica.size).toBe(0)
})

test('deleteMany of a generator deletes here at once', async () => {
  const replica = await machines.ready()
  await replica.setMany({ a: 1, b: 2, c: 3 })
  await replica.deleteMany(
    (function* () {
      yield 'a'
      yield 'b'
    })(),
  )
  expect([...replica.keys()]).toEqual(['c'])
  await expect(replica.deleteMany('abc')).rejects.toMatchObject({ code: 'BAD_KEY' })
})

test('the empty key is no way to read the update id', async () => {
  const replica = await machines.ready()
  expect(() => replica.get('')).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
  expect(() => replica.get(Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
})

test('the id is the newest whose update is in the file, own ones too', async () => {
  const replica = await machines.ready()
  expect(await replica.set('key', 1)).toBe(replica.updateId)
})

test('a process held up between commit and local write does not bring the old value back', async () => {
  const slow = heldUp(machines.log, 'append', 'after')
  const { replica: delayed } = machines.open('here', { log: slow.log })
  const quick = await machines.ready()
  const writing = delayed.set('key', 'old')
  await slow.reached
  await quick.set('key', 'new')
  await quick.update()
  slow.release()
  expect(await writing).toBe(1)
  expect(quick.get('key')).toBe('new')
  expect(delayed.get('key')).toBe('new')
  expect(quick.updateId).toBe(2)
})

test('a process held up between reading the log and applying it does not bring the old value back', async () => {
  const quick = await machines.ready()
  await quick.set('key', 'old')
  const slow = heldUp(machines.log, 'read', 'after')
  const { replica: delayed } = machines.open('there', { log: slow.log })
  const there = await machines.ready('there')
  await quick.set('key', 'new')
  const updating = delayed.update()
  await slow.reached
  await quick.set('key', 'newest')
  await there.update()
  slow.release()
  expect(await updating).toBe(3)
  expect(delayed.get('key')).toBe('newest')
})

test('own writes never make a reader go back', async () => {
  const [here, there] = [await machines.ready('here'), await machines.ready('there')]
  await there.set('key', 'foreign')
  await here.set('key', 'own')
  expect(here.get('key')).toBe('own')
  await here.update()
  expect(here.get('key')).toBe('own')
  await there.update()
  expect(there.get('key')).toBe('own')
})

test('of two writers that die, everything acknowledged is replayed', async () => {
  const writers = [machines.open('a').replica, machines.open('b').replica]
  for (let each = 0; each < 500; each++) {
    await Promise.all(writers.map((writer, number) => writer.set(`${number}/${each}`, each)))
  }
  const reader = await machines.ready('c')
  expect(reader.size).toBe(1000)
})

test('set and delete of one key by single updates leave one update', async () => {
  const replica = await machines.ready()
  for (let each = 0; each < 10; each++) await replica.set('key', each)
  await replica.delete('key')
  expect(await stored(machines.log)).toBe(1)
  expect((await machines.ready('there')).has('key')).toBe(false)
})

test('a log in a folder finds its latest id again', async () => {
  const path = join(machines.folder, 'log')
  const first = await machines.ready('here', { log: new FileUpdateLog({ path }) })
  for (let each = 0; each < 5; each++) await first.set(`key ${each}`, each)
  await first.close()
  const second = await machines.ready('there', { log: new FileUpdateLog({ path }) })
  expect(second.updateId).toBe(5)
  expect(await second.set('key 5', 5)).toBe(6)
  expect(second.size).toBe(6)
})

test('a file of another log is noticed and built anew', async () => {
  const replica = await machines.ready()
  await replica.setMany({ a: 1, b: 2 })
  const other = new MemoryUpdateLog('another log')
  const moved = await machines.ready('here', { log: other })
  expect(moved.size).toBe(0)
  expect(machines.said('rebuilt')).toHaveLength(1)
  await moved.set('c', 3)
  expect([...moved.entries()]).toEqual([['c', 3]])
})

test('a log that ends before what was read from it is not that log any more', async () => {
  const replica = await machines.ready()
  for (let each = 0; each < 3; each++) await replica.set(`key ${each}`, each)
  const copy = new MemoryUpdateLog('log')
  await copy.append({
    contents: encodeUpdate([{ key: Buffer.from('key 0'), value: Buffer.from('copy') }]),
    key: null,
    operation: '1',
  })
  const restored = await machines.ready<Uint8Array>('here', { log: copy, codec: raw() })
  expect([...restored.entries()]).toEqual([['key 0', Buffer.from('copy')]])
})

test('an update that cannot be read stops the reader instead of being skipped', async () => {
  const replica = await machines.ready()
  await replica.set('key', 1)
  await machines.log.append({ contents: Buffer.from([99, 1, 2]), key: null, operation: 'x' })
  await machines.log.append({ contents: Buffer.from([1, 0, 200, 0]), key: null, operation: 'y' })
  await expect(replica.update()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(replica.get('key')).toBe(1)
  expect(replica.updateId).toBe(1)
})

test('one torn setMany says how much of it was written', async () => {
  const replica = await machines.ready<Uint8Array>('here', { codec: raw() })
  const appended = machines.log.append.bind(machines.log)
  let calls = 0
  machines.log.append = async (update, options) => {
    if (++calls === 2) throw new Error('gone')
    return await appended(update, options)
  }
  const entries = Array.from({ length: 3 }, (_, index): [string, Buffer] => [`${index}`, Buffer.alloc(600 * 1024)])
  await expect(replica.setMany(entries)).rejects.toMatchObject({ details: { written: 1, of: 3 } })
  expect([...replica.keys()]).toEqual(['0'])
  expect(existsSync(machines.folder)).toBe(true)
})

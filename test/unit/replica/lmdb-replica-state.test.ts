import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LmdbReplicaState } from '../../../src/adapters/lmdb/replica-state.ts'
import { type KckEvent, subscribe } from '../../../src/events.ts'
import { bytes, item, replicaStateSuite, step, texts } from '../../conformance/replica-state.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

let path: string
let state: LmdbReplicaState
const clock = createVirtualClock()
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kck-state-'))
  state = new LmdbReplicaState({ path, clock })
})
afterEach(async () => {
  await state.close()
  rmSync(path, { recursive: true, force: true })
})

const all = () => texts(state.range({}, 1000))

replicaStateSuite(() => state)

describe('damage', () => {
  const file = () => join(path, 'data.mdb')
  const fill = async () => {
    state.apply(step(0, ...Array.from({ length: 500 }, (_, index) => item(`key ${index}`, 'value'.repeat(20)))))
    await state.close()
  }

  test.each<[string, (data: Buffer) => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['cut off', (data) => data.subarray(0, 9000)],
    ['another program’s', () => Buffer.from('not a database\n'.repeat(5000))],
    ['of zeros behind its head', (data) => Buffer.alloc(data.length).fill(data.subarray(0, 8192), 0, 8192)],
  ])('a file that is %s is moved aside, and what follows begins anew', async (_, damage) => {
    await fill()
    const data = readFileSync(file())
    writeFileSync(file(), damage(data))
    const events: KckEvent[] = []
    const stop = subscribe((event) => events.push(event))
    expect(state.position()).toEqual({ logId: null, id: 0, valid: false })
    stop()
    expect(events).toMatchObject([{ type: 'fault', where: 'lmdb open' }])
    expect(readdirSync(path).filter((name) => name.includes('corrupt'))).toHaveLength(1)
    expect(state.apply(step(0, item('a', '1')))).toBe(true)
    expect(all()).toEqual(['a=1'])
  })

  test('a flipped bit in a value is not served: all of it is built anew', async () => {
    await fill()
    const data = readFileSync(file())
    const note = JSON.parse(readFileSync(join(path, 'store.json'), 'utf8')) as { closed: { modified: number } }
    for (let at = data.indexOf('valuevalue'); at >= 0; at = data.indexOf('valuevalue', at + 4096)) {
      data.writeUInt8(data.readUInt8(at) ^ 1, at)
    }
    writeFileSync(file(), data)
    // As if the disk had done it: the file's time says nothing.
    utimesSync(file(), note.closed.modified / 1000, note.closed.modified / 1000)
    const read = () => Array.from({ length: 500 }, (_, index) => state.get(bytes(`key ${index}`)))
    expect(read).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    expect(state.position().valid).toBe(false)
  })
})

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteReplicaState } from '../../../src/adapters/sqlite/replica-state.ts'
import { type KckEvent, subscribe } from '../../../src/events.ts'
import { checksumOf } from '../../../src/ports/replica-state.ts'
import { bytes, item, replicaStateSuite, step, texts } from '../../conformance/replica-state.ts'

let path: string
let state: SqliteReplicaState
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kck-state-'))
  state = new SqliteReplicaState({ path })
})
afterEach(async () => {
  await state.close()
  rmSync(path, { recursive: true, force: true })
})

const all = () => texts(state.range({}, 1000))
const empty = { logId: null, id: 0, valid: false }

replicaStateSuite(() => state)

test('is what it was after it was let go of', async () => {
  state.apply(step(0, item('a', '1')))
  await state.close()
  expect(all()).toEqual(['a=1'])
  expect(state.apply(step(1, item('b', '2')))).toBe(true)
  expect(all()).toEqual(['a=1', 'b=2'])
})

test('begins with nothing of what a former process left', async () => {
  state.apply(step(0, item('a', '1')))
  await state.close()
  state = new SqliteReplicaState({ path })
  expect(state.position()).toEqual(empty)
  expect(state.apply(step(0, item('b', '2')))).toBe(true)
  expect(all()).toEqual(['b=2'])
})

test('deletes only the value that was seen', () => {
  state.apply(step(0, item('a', '1'), item('b', '1')))
  const items = ['a', 'b'].map((key) => ({ ...item(key, null), onlyIf: checksumOf(bytes('1')) }))
  state.apply(step(1, item('b', '2')))
  state.apply({ ...step(2), items })
  expect(all()).toEqual(['b=2'])
})

test('a change that fails in the middle leaves nothing behind', () => {
  state.apply(step(0, item('a', '1')))
  const items = [item('a', '2'), { key: bytes('b'), value: {} as never }]
  expect(() => state.apply({ ...step(1), items })).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
  expect(all()).toEqual(['a=1'])
  expect(state.position().id).toBe(1)
})

test('a damaged file is noticed, and what follows begins anew', async () => {
  state.apply(step(0, ...Array.from({ length: 500 }, (_, index) => item(`key ${index}`, 'value'.repeat(20)))))
  await state.close()
  for (const name of readdirSync(path)) {
    writeFileSync(join(path, name), Buffer.alloc(statSync(join(path, name)).size, 'not a database'))
  }
  const events: KckEvent[] = []
  const stop = subscribe((event) => events.push(event))
  expect(() => state.get(bytes('key 1'))).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
  stop()
  expect(events).toMatchObject([{ type: 'fault', where: 'the file of the replica' }])
  expect(state.position()).toEqual(empty)
  expect(state.apply(step(0, item('a', '1')))).toBe(true)
  expect(all()).toEqual(['a=1'])
})

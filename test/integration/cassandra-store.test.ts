import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientOptions } from 'cassandra-driver'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { type KckEvent, subscribe } from '../../src/events.ts'
import type { Store } from '../../src/ports/store.ts'
import { emptyRow, nextRow, noise, sampleMark, sampleRow, sampleValue } from '../conformance/rows.ts'
import { ChaosClient, doubts, type Fate, overloaded } from '../support/cassandra/chaos-client.ts'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'

const address = inject('cassandra')
const DAY_MS = 86_400_000

describe.skipIf(address === null)('the store in Cassandra', () => {
  let keyspace: TestKeyspace
  let store: Store
  let faults: KckEvent[] = []
  let keys = 0
  const newKey = () => `own/${keys++}`
  const unsubscribe = subscribe((event) => {
    if (event.type === 'fault') faults.push(event)
  })

  beforeAll(async () => {
    if (address === null) return
    keyspace = await createKeyspace(address)
    store = await keyspace.open()
  })
  afterEach(() => {
    faults = []
  })
  afterAll(async () => {
    unsubscribe()
    await store?.close()
    await keyspace?.drop()
  })

  const chaos = (fate: Fate) =>
    keyspace.open({ createClient: (options: ClientOptions): Client => new ChaosClient(options).fated(fate) })
  const conditional = (cql: string) => / IF /.test(cql) && !cql.startsWith('CREATE')
  const readRow = async (key: string) => (await store.entries.get(key, { consistency: 'latest' })).row

  describe('conditional writes whose answer is lost', () => {
    for (const [name, error] of Object.entries(doubts)) {
      for (const executed of [true, false]) {
        test(`${name}, ${executed ? 'executed' : 'not executed'}: true, and stored once`, async () => {
          let left = 1
          const odd = await chaos((cql) => (conditional(cql) && left-- > 0 ? { executed, error: error() } : undefined))
          const key = newKey()
          const first = sampleRow(key)
          expect(await odd.entries.compareAndSet(null, first)).toBe(true)
          left = 1
          expect(await odd.entries.compareAndSet(first, nextRow(first))).toBe(true)
          expect(await readRow(key)).toMatchObject({ rev: 2, ops: ['op-1', 'op-2'] })
          left = 1
          expect(await odd.registers.compareAndSet(key, 0, { text: 'a', operation: 'o1', removeAt: null })).toBe(true)
          left = 1
          expect(await odd.registers.compareAndSet(key, 1, { text: 'b', operation: 'o2', removeAt: null })).toBe(true)
          expect(await store.registers.get(key)).toEqual({ rev: 2, text: 'b' })
          await odd.close()
        })
      }
    }

    test('a write that somebody else was faster than is refused, however often its answer is lost', async () => {
      const key = newKey()
      const first = sampleRow(key)
      await store.entries.compareAndSet(null, first)
      await store.entries.compareAndSet(first, nextRow(first, { ops: ['op-1', 'theirs'] }))
      let left = 2
      const lose = { executed: true, error: doubts['no answer']?.() ?? new Error() }
      const odd = await chaos((cql) => (conditional(cql) && left-- > 0 ? lose : undefined))
      expect(await odd.entries.compareAndSet(first, nextRow(first, { ops: ['op-1', 'ours'] }))).toBe(false)
      expect((await readRow(key))?.ops).toEqual(['op-1', 'theirs'])
      await odd.close()
    })

    for (const [later, outcome] of [
      [0, true],
      [7, true],
      [8, 'STORE_UNAVAILABLE'],
    ] as const) {
      test(`a write whose answer is lost, and ${later} others after it: ${outcome}`, async () => {
        const key = newKey()
        const first = sampleRow(key)
        await store.entries.compareAndSet(null, first)
        let left = 1
        const mishap = { executed: true, error: overloaded(), meanwhile: () => follow(key, later) }
        const odd = await chaos((cql) => (conditional(cql) && left-- > 0 ? mishap : undefined))
        const ended = odd.entries.compareAndSet(first, nextRow(first)).catch((error: { code: string }) => error.code)
        expect(await ended).toBe(outcome)
        await odd.close()
      })
    }

    async function follow(key: string, times: number): Promise<void> {
      for (let done = 0; done < times; done++) {
        const row = await readRow(key)
        if (row) await store.entries.compareAndSet(row, nextRow(row))
      }
    }

    test('a register whose answer is lost below other writes is not guessed at', async () => {
      const name = newKey()
      const next = (operation: string) => ({ text: operation, operation, removeAt: null })
      let left = 1
      const meanwhile = () => store.registers.compareAndSet(name, 1, next('theirs'))
      const mishap = { executed: true, error: overloaded(), meanwhile }
      const odd = await chaos((cql) => (conditional(cql) && left-- > 0 ? mishap : undefined))
      await expect(odd.registers.compareAndSet(name, 0, next('ours'))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      })
      await odd.close()
    })

    test('one that is never answered ends as STORE_UNAVAILABLE, not as a guess', async () => {
      const odd = await chaos((cql) => (conditional(cql) ? { executed: true, error: overloaded() } : undefined))
      const key = newKey()
      await expect(odd.entries.compareAndSet(null, sampleRow(key))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      await odd.close()
    })
  })

  test('throttling of 10, 50 and 100 of 100 statements is not answered with much more load', async () => {
    for (const share of [0.1, 0.5, 1]) {
      let sent = 0
      let turn = 0
      const odd = await chaos((cql) => {
        if (!cql.startsWith('SELECT part')) return undefined
        sent++
        return Math.floor(turn * share) < Math.floor(++turn * share)
          ? { executed: false, error: overloaded() }
          : undefined
      })
      let ok = 0
      for (let call = 0; call < 600; call += 20) {
        const reads = Array.from({ length: 20 }, () =>
          odd.entries.get(newKey()).then(
            () => ok++,
            () => {},
          ),
        )
        await Promise.all(reads)
      }
      // A tenth, and the few that the budget starts with and gains with time.
      expect(sent).toBeLessThanOrEqual(600 * 1.1 + 20 + 10)
      process.stdout.write(
        `fault 21: ${share * 100}% throttled: ${(sent / 600).toFixed(2)}x the load, ${Math.round(ok / 6)}% of the calls ok\n`,
      )
      await odd.close()
    }
  })

  describe('what it finds', () => {
    const put = (key: string, state: string) =>
      keyspace.run(
        `INSERT INTO ${keyspace.name}.entry (entry_key, part, rev, state) VALUES (?, '', 7, ?) IF NOT EXISTS`,
        [key, state],
      )

    test('damage reads as absent, is reported, and gives way to a new row', async () => {
      for (const state of ['{"v":1,', 'null', '{}', '[]', '{"v":0}', '"v"', '{"v":1}', '{"v":1,"value":{}}']) {
        const key = newKey()
        await put(key, state)
        faults = []
        expect((await store.entries.get(key)).row, state).toBeNull()
        expect(faults, state).toMatchObject([{ type: 'fault', key }])
        expect(await store.entries.compareAndSet(null, sampleRow(key)), state).toBe(true)
        expect(await readRow(key), state).toMatchObject({ rev: 1 })
      }
    })

    test('a row of a newer format reads as absent, is reported, and is never overwritten', async () => {
      const key = newKey()
      await put(key, '{"v":2,"rev":7}')
      faults = []
      expect((await store.entries.get(key)).row).toBeNull()
      expect(faults).toMatchObject([{ type: 'fault', key }])
      await expect(store.entries.compareAndSet(null, sampleRow(key))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        details: { format: 2 },
      })
      const [stored] = await keyspace.run(`SELECT state FROM ${keyspace.name}.entry WHERE entry_key = ?`, [key])
      expect(stored?.['state']).toBe('{"v":2,"rev":7}')
    })

    test('a mark that cannot be read still makes the key dirty', async () => {
      const key = newKey()
      await keyspace.run(`INSERT INTO ${keyspace.name}.entry (entry_key, part, state) VALUES (?, 'm:odd', '{')`, [key])
      const { marks } = await store.entries.get(key)
      expect(marks).toMatchObject([{ id: 'odd', upstream: false }])
      expect(faults).toMatchObject([{ type: 'fault', key }])
      await store.entries.unmark(key, ['odd'])
      expect((await store.entries.get(key)).marks).toEqual([])
    })

    test('a row whose body a replica missed is not served with the body before', async () => {
      const key = newKey()
      await store.entries.compareAndSet(null, sampleRow(key, { value: sampleValue('new', noise(9)) }))
      await keyspace.run(`UPDATE ${keyspace.name}.entry SET body_id = 'old' WHERE entry_key = ? AND part = ''`, [key])
      faults = []
      expect((await store.entries.get(key)).row).toBeNull()
      expect(faults).toMatchObject([{ type: 'fault', key }])
    })

    test('thousands of marks beside a row are all there, page by page', async () => {
      const key = newKey()
      await store.entries.compareAndSet(null, emptyRow(key))
      const ids = Array.from({ length: 6_000 }, (_, index) => `m${index}`)
      for (let from = 0; from < ids.length; from += 200) {
        await Promise.all(ids.slice(from, from + 200).map((id) => store.entries.mark([key], sampleMark(id), null)))
      }
      const entry = await store.entries.get(key, { consistency: 'latest' })
      expect(entry.row?.rev).toBe(1)
      expect(new Set(entry.marks.map((mark) => mark.id)).size).toBe(6_000)
      await store.entries.unmark(key, ids)
      expect((await store.entries.get(key, { consistency: 'latest' })).marks).toEqual([])
    })
  })

  describe('lifetimes', () => {
    test('a row that was to live for ever and then was given an end vanishes as a whole', async () => {
      const key = newKey()
      const forEver = sampleRow(key, { value: sampleValue('b', noise(9)), removeAt: null })
      await store.entries.compareAndSet(null, forEver)
      await store.entries.compareAndSet(forEver, nextRow(forEver, { removeAt: Date.now() + 1_000 }))
      await sleep(3_600)
      expect(await readRow(key)).toBeNull()
      const again = sampleRow(key, { value: sampleValue('c', noise(5)) })
      expect(await store.entries.compareAndSet(null, sampleRow(key, { rev: 1 }))).toBe(true)
      expect(await store.entries.compareAndSet(null, again)).toBe(false)
    })

    test('owed work vanishes a day after its time', async () => {
      const ahead = { ...systemClock, now: () => Date.now() + DAY_MS - 1_000 }
      const later = await keyspace.open({ clock: ahead })
      const at = Date.now()
      await later.workIndex.put([{ kind: 'intent', id: 'day', at, payload: '{}' }])
      expect((await store.workIndex.list('intent', at, { limit: 10 })).items).toHaveLength(1)
      await sleep(3_600)
      expect((await store.workIndex.list('intent', at, { limit: 10 })).items).toEqual([])
      await later.close()
    })
  })

  test('the schema can be created again, and by several at the same time', async () => {
    const others = await Promise.all([keyspace.open(), keyspace.open(), keyspace.open()])
    await Promise.all(others.map((other) => other.createSchema()))
    await Promise.all(others.map((other) => other.close()))
    const fresh = await Promise.all(
      Array.from({ length: 3 }, () => keyspace.open({ keyspace: `${keyspace.name}_b`, requestTimeoutMs: 10_000 })),
    )
    await Promise.all(fresh.map((other) => other.createSchema()))
    expect(await fresh[0]?.entries.compareAndSet(null, sampleRow('first'))).toBe(true)
    await Promise.all(fresh.map((other) => other.close()))
    await keyspace.run(`DROP KEYSPACE ${keyspace.name}_b`)
  })

  test('without its schema it says so', async () => {
    const none = await keyspace.open({ keyspace: 'kck_no_such' })
    await expect(none.entries.get('a')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: /schema/ })
    await none.close()
  })

  test('options that can never work are refused', async () => {
    for (const wrong of [{ keyspace: 'x' }, { keyspace: 'Shop' }, { keyspace: 'a; DROP' }, { contactPoints: [] }]) {
      await expect(keyspace.open(wrong)).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    }
  })

  test('no key exceeds what Keyspaces takes, however long the names', async () => {
    const long = 'x'.repeat(1_024)
    await store.entries.mark([long], sampleMark(long), null)
    await store.lineage.addEdges(long, [`table/${long}${long}`])
    await store.workIndex.put([{ kind: 'refresh', id: long, at: Date.now(), payload: '' }])
    const columns = {
      entry: ['entry_key', 'part'],
      edge: ['node', 'dependent'],
      work_item: ['kind', 'item'],
    }
    for (const [table, [partition = '', clustering = '']] of Object.entries(columns)) {
      for (const row of await keyspace.run(`SELECT ${partition}, ${clustering} FROM ${keyspace.name}.${table}`)) {
        expect(Buffer.byteLength(String(row[partition])), partition).toBeLessThanOrEqual(2_000)
        expect(Buffer.byteLength(String(row[clustering])), clustering).toBeLessThanOrEqual(850)
      }
    }
  })

  test('dependents are marked by the thousand', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => `many/${index}`)
    const start = performance.now()
    await store.entries.mark(many, sampleMark('m'), null)
    const rate = many.length / ((performance.now() - start) / 1_000)
    process.stdout.write(`marks: ${Math.round(rate)} a second\n`)
    const read = await store.entries.getMany(many.slice(0, 1_000), { consistency: 'latest' })
    expect(read.every((entry) => entry.marks.length === 1)).toBe(true)
  })
})

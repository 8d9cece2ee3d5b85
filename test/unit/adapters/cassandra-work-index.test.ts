import { expect, test } from 'vitest'
import type { Connection, Statement } from '../../../src/adapters/cassandra/connection.ts'
import { statementsOf } from '../../../src/adapters/cassandra/statements.ts'
import { createWorkIndex } from '../../../src/adapters/cassandra/work-index.ts'
import type { WorkIndex } from '../../../src/ports/work-index.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE

/** A table in memory that counts what is asked of it; each `open` is a process. */
function table() {
  const cql = statementsOf('kck')
  const clock = new VirtualClock(Date.UTC(2026, 0, 2, 0, 30))
  const rows = new Map<string, Map<string, Record<string, unknown>>>()
  const counts = { reads: 0, writes: 0 }
  const broken = { hours: false }
  const partition = (values: readonly unknown[]) => {
    const name = values.slice(0, 3).join('/')
    const found = rows.get(name) ?? new Map<string, Record<string, unknown>>()
    rows.set(name, found)
    return found
  }
  const connection = {
    async read({ values }: Statement) {
      counts.reads += 1
      const sorted = [...partition(values).values()].sort((a, b) => (String(a['item']) < String(b['item']) ? -1 : 1))
      return sorted.filter(({ item }) => String(item) > String(values[3])).slice(0, Number(values[4]))
    },
    async writeTogether(statements: readonly Statement[]) {
      for (const { values } of statements) {
        if (broken.hours && String(values[0]).startsWith('hour')) throw new Error('no answer')
        counts.writes += 1
        const [, , , item, item_id, at, payload] = values
        partition(values).set(String(item), { item, item_id, at, payload })
      }
    },
  }
  const open = () => createWorkIndex(connection as unknown as Connection, cql, clock)
  return { open, clock, counts, broken }
}

async function lookThroughDay(index: WorkIndex, now: number): Promise<readonly string[]> {
  const found: string[] = []
  for (let minute = now - DAY; minute <= now; minute += MINUTE) {
    for (const kind of ['intent', 'refresh'] as const) {
      const { items } = await index.list(kind, minute, { limit: 200 })
      found.push(...items.map(({ id }) => id))
    }
  }
  return found
}

const item = (id: string, at: number) => ({ kind: 'refresh', id, at, payload: '0' }) as const

test('looking through a day in which nothing was owed takes few reads', async () => {
  const { open, clock, counts } = table()
  expect(await lookThroughDay(open(), clock.now())).toEqual([])
  expect(counts.reads).toBeLessThan(300)
})

test('what was owed in any hour of the day is found by a process that did not put it', async () => {
  const { open, clock, counts } = table()
  const puts = [0, 3, 17, 23].map((hours) => item(`leaf/${hours}`, clock.now() - hours * 60 * MINUTE))
  await open().put(puts)
  const found = await lookThroughDay(open(), clock.now())
  expect(found.toSorted()).toEqual(puts.map(({ id }) => id).toSorted())
  expect(counts.reads).toBeLessThan(5_000)
})

test('what is put after somebody looked is found by whoever looked', async () => {
  const { open, clock } = table()
  const looking = open()
  const soon = clock.now() + 20 * MINUTE
  expect((await looking.list('refresh', soon, { limit: 10 })).items).toEqual([])
  await open().put([item('leaf/1', soon)])
  expect((await looking.list('refresh', soon, { limit: 10 })).items).toEqual([item('leaf/1', soon)])
})

test('an hour is marked once by each process', async () => {
  const { open, clock, counts } = table()
  const index = open()
  for (let id = 0; id < 10; id++) await index.put([item(`leaf/${id}`, clock.now())])
  expect(counts.writes).toBe(11)
})

test('an hour of which the mark could not be written is marked by the next attempt', async () => {
  const { open, clock, broken } = table()
  const index = open()
  const owed = item('leaf/1', clock.now())
  broken.hours = true
  await expect(index.put([owed])).rejects.toThrow('no answer')
  broken.hours = false
  await index.put([owed])
  expect((await open().list('refresh', owed.at, { limit: 1 })).items).toEqual([owed])
})

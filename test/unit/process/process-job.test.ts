import { describe, expect, test } from 'vitest'
import type { QueryResult, Source, SqlValues } from '../../../src/ports/source.ts'
import type { Store } from '../../../src/ports/store.ts'
import { defineProcess, type ProcessContext } from '../../../src/process/define-process.ts'
import { createProcessWorker } from '../../../src/process/process-worker.ts'
import type { SqlStatement } from '../../../src/sql/statement.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

const MINUTE = 60_000
const UPSERT =
  'insert into rates (currency, rate) values (:currency, :rate) on conflict (currency) do update set rate = excluded.rate returning currency, rate'

/** A table `rates` with a currency and a rate, in memory. */
function ratesSource() {
  let rates: Record<string, number> = { usd: 1, eur: 2 }
  let calls = 0
  const query = (statement: SqlStatement, values: SqlValues): QueryResult => {
    calls += 1
    const currency = String(values['currency'])
    if (statement.text.startsWith('insert')) rates = { ...rates, [currency]: Number(values['rate']) }
    if (statement.text.startsWith('update')) rates = { usd: Number(values['rate']), eur: Number(values['rate']) }
    const rows = statement.text.startsWith('update') ? [] : [[currency, rates[currency] ?? null]]
    const columns = ['currency', 'rate'].map((name) => ({ name, type: 'text' }))
    return { columns, rows, rowCount: 1 }
  }
  const source: Source = {
    name: 'main',
    query: async (statement, values) => query(statement, values),
    transaction: async (work) => {
      const before = rates
      try {
        return await work({ query: async (statement, values) => query(statement, values) })
      } catch (error) {
        rates = before
        throw error
      }
    },
    describe: async () => [],
    ping: async () => undefined,
    close: async () => undefined,
  }
  return { source, calls: () => calls }
}

function world(run: (context: ProcessContext) => unknown, wrap: (store: Store) => Store = (store) => store) {
  const { source, calls } = ratesSource()
  const rate = testPrimer({
    name: 'rate',
    tags: ['rates'],
    compute: async ({ sql }, { id }) => {
      const [row] = await sql('select currency, rate from rates where currency = :currency', { currency: id as string })
      return row?.['rate']
    },
  })
  const sources = new Map([['main', source]])
  const plain = testKck([rate], { sources })
  const { clock, queue, entropy } = plain
  const store = wrap(plain.store)
  const { kck } = testKck([rate], { sources, store, clock, queue, entropy })
  const process = defineProcess({ name: 'import_rates', every: '10m', run })
  const workerOf = (options: { readonly processes: readonly (typeof process)[] }) =>
    createProcessWorker({ kck, store, queue, sources, clock, entropy }, options)
  const worker = workerOf({ processes: [process] })
  const signal = new AbortController().signal
  return {
    kck,
    clock,
    store,
    calls,
    worker,
    tick: () => clock.run(worker.tick(signal)),
    /** From the first tick to the first run and past its end. */
    async due() {
      await clock.run(worker.tick(signal))
      await clock.advance(10 * MINUTE)
      await clock.run(worker.tick(signal))
    },
    state: async (key: string) => (await clock.run(kck.fetch(key, { onlyIfCached: true }))).state,
  }
}

describe('what a process writes counts as a change', () => {
  test('of the rows that came back', async () => {
    const { kck, clock, due, state } = world(async ({ sql }) => {
      await sql(UPSERT, { currency: 'usd', rate: 5 })
    })
    for (const key of ['rate/usd', 'rate/eur']) await clock.run(kck.get(key))
    await due()
    expect([await state('rate/usd'), await state('rate/eur')]).toEqual(['stale', 'fresh'])
  })

  test('of the whole table where none came back', async () => {
    const { kck, clock, due, state } = world(async ({ sql }) => {
      await sql('update rates set rate = :rate', { rate: 5 })
    })
    for (const key of ['rate/usd', 'rate/eur']) await clock.run(kck.get(key))
    await due()
    expect([await state('rate/usd'), await state('rate/eur')]).toEqual(['stale', 'stale'])
  })

  test('and what a transaction took back does not', async () => {
    const { kck, clock, due, state } = world(({ transaction }) =>
      transaction(async ({ sql }) => {
        await sql(UPSERT, { currency: 'usd', rate: 5 })
        throw new Error('half of it')
      }),
    )
    await clock.run(kck.get('rate/usd'))
    const events = await recordEvents(due)
    expect(events).toContainEqual(expect.objectContaining({ name: 'process/import_rates', outcome: 'failed' }))
    expect([await state('rate/usd'), await clock.run(kck.get('rate/usd'))]).toEqual(['fresh', 1])
  })

  test('and what it says of writes that went another way', async () => {
    const { kck, clock, due, state } = world(async ({ changed }) => {
      await changed({ table: 'rates', rows: [{ currency: 'eur', rate: 9 }] })
    })
    for (const key of ['rate/usd', 'rate/eur']) await clock.run(kck.get(key))
    await due()
    expect([await state('rate/usd'), await state('rate/eur')]).toEqual(['fresh', 'stale'])
  })

  test('and tags', async () => {
    const { kck, clock, due, state } = world(({ invalidateTags }) => invalidateTags(['rates']))
    await clock.run(kck.get('rate/usd'))
    await due()
    expect(await state('rate/usd')).toBe('stale')
  })

  test('even when its process dies right after the commit', async () => {
    const death = { planned: true, happened: false }
    const { kck, clock, due, tick, state } = world(
      async ({ sql }) => {
        await sql(UPSERT, { currency: 'usd', rate: 5 })
      },
      (store) => ({
        ...store,
        // The last thing heard of it is what it owes when the commit succeeds.
        workIndex: {
          ...store.workIndex,
          put: async (...call) => {
            await store.workIndex.put(...call)
            death.happened = death.planned
          },
        },
        lineage: {
          ...store.lineage,
          dependents: (...call) =>
            death.happened ? Promise.reject(new Error('killed')) : store.lineage.dependents(...call),
        },
      }),
    )
    await clock.run(kck.get('rate/usd'))
    await due()
    expect([death.happened, await state('rate/usd')]).toEqual([true, 'fresh'])
    Object.assign(death, { planned: false, happened: false })
    await clock.advance(2 * MINUTE)
    await tick()
    expect(await state('rate/usd')).toBe('stale')
  })
})

test('nothing is asked of a source unless something is due', async () => {
  const { clock, worker, calls } = world(() => undefined)
  const stop = new AbortController()
  const running = worker.run(stop.signal)
  await clock.advance(24 * 60 * MINUTE)
  stop.abort()
  await clock.run(running)
  expect(calls()).toBe(0)
})

test('a worker that goes on runs what is due in time, and stops when it is told to', async () => {
  const runs: string[] = []
  const { clock, worker } = world(async ({ due, now, signal }) => {
    runs.push(new Date(due).toISOString().slice(11, 16))
    expect(now - due).toBeLessThan(1_000)
    if (runs.length === 3) await clock.sleep(10 * MINUTE, signal)
  })
  const stop = new AbortController()
  const running = worker.run(stop.signal)
  await clock.advance(31 * MINUTE)
  stop.abort()
  await clock.run(running)
  expect(runs).toEqual(['00:10', '00:20', '00:30'])
})

describe('a definition', () => {
  const run = () => undefined

  test('has a schedule, a name and something to run', () => {
    expect(defineProcess({ name: 'a', cron: '0 3 * * *', timeZone: 'Europe/Berlin', run })).toMatchObject({
      kind: 'process',
      due: { everyMs: null, cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
      overlap: 'skip',
    })
  })

  test.each([
    [{ name: 'a', run }, 'process "a": needs every or cron'],
    [{ name: 'a', every: '5m', cron: '* * * * *', run }, 'keep one'],
    [{ name: 'a b', every: '5m', run }, 'name must be'],
    [{ name: 'a', every: '5m' }, 'needs run'],
    [{ name: 'a', evry: '5m', run }, 'unknown option "evry"'],
    [{ name: 'a', every: '5m', overlap: 'twice', run }, 'overlap must be skip, queue'],
  ])('is refused when it is wrong: %#', (options, message) => {
    expect(() => defineProcess(options as never)).toThrow(message)
  })
})

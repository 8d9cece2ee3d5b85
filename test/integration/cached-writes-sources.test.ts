import { afterAll, describe, expect, inject, test } from 'vitest'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import { systemClock as clock } from '../../src/adapters/system/clock.ts'
import { KckError } from '../../src/errors.ts'
import type { Registers } from '../../src/ports/registers.ts'
import type { Source } from '../../src/ports/source.ts'
import { parseStatement } from '../../src/sql/parse.ts'
import { openPgliteSource, openPostgresSource, openRdsDataSource } from '../support/sources.ts'
import { processOf, SCHEMA } from '../support/writes/system.ts'

const { connectionString: server } = inject('postgres')
const open = {
  postgres: () => openPostgresSource(server),
  pglite: openPgliteSource,
  'rds-data': () => openRdsDataSource(server),
}

describe.each(['postgres', 'pglite', 'rds-data'] as const)('cached writes on %s', async (kind) => {
  const { source, close } = await open[kind]()
  afterAll(close)
  await run(source, SCHEMA)
  const drain = ({ kck }: ReturnType<typeof processOf>) => kck.writes.worker.drain(AbortSignal.timeout(20_000))
  const notes = async (topic: string) => {
    const { rows } = await run(source, `select note from notes where topic = '${topic}' order by n`)
    return rows.map(([note]) => note)
  }

  test('two processes apply what many accept, once and in order; a refused one is parked', async () => {
    const store = openMemoryStore({ clock })
    const processes = [processOf({ store, source }), processOf({ store, source })] as const
    const sent = Array.from({ length: 20 }, (_, index) => (index === 7 ? 'bad' : `n${index}`))
    const write = async (topic: string) => {
      for (const [index, note] of sent.entries()) {
        await processes[index % 2]?.kck.writes.accept(`note/${topic}`, { note })
      }
    }
    const stop = new AbortController()
    const working = processes.map(({ kck }) => kck.writes.worker.run(stop.signal))
    const topics = ['a', 'b', 'c', 'd']
    await Promise.all(topics.map(write))
    const [first] = processes
    await expect.poll(async () => (await first.kck.writes.waiting()).writes, { timeout: 30_000 }).toBe(0)
    stop.abort()
    await Promise.all(working)
    for (const topic of topics) expect(await notes(topic)).toEqual(sent.filter((note) => note !== 'bad'))
    const parked = await first.kck.writes.parked()
    expect(parked.map(({ body }) => body['note'])).toEqual(['bad', 'bad', 'bad', 'bad'])
    expect(parked[0]?.error).toMatchObject({ code: 'COMPUTE_FAILED' })
  })

  test('what another process has applied, and died, is not applied again', async () => {
    const store = openMemoryStore({ clock })
    const accepted = processOf({ store, source })
    await accepted.kck.writes.accept('note/once', { note: 'first' })
    const { writeQueue, registers } = store
    const dying = { ...registers, compareAndSet: lostAfterCommit(registers.compareAndSet) }
    await drain(processOf({ store: { ...store, registers: dying, writeQueue }, source }))
    expect(await notes('once')).toEqual(['first'])
    await accepted.kck.writes.accept('note/once', { note: 'second' })
    // Its clock is past the lease of the one that died.
    await drain(processOf({ store, source, aheadMs: 31_000 }))
    expect(await notes('once')).toEqual(['first', 'second'])
    expect((await accepted.kck.writes.waiting()).writes).toBe(0)
  })
})

/** The store is gone for this process from the moment on at which it would say that the log is done. */
function lostAfterCommit(compareAndSet: Registers['compareAndSet']): Registers['compareAndSet'] {
  let lost = false
  return async (name, rev, next, options) => {
    lost ||= next.text.includes('"done":1')
    if (lost) throw new KckError('STORE_UNAVAILABLE', 'gone')
    return compareAndSet(name, rev, next, options)
  }
}

function run(source: Source, sql: string) {
  return source.query(parseStatement(sql), {})
}

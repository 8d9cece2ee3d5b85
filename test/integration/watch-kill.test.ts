import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { statementOf } from '../../src/sql/parse.ts'
import { watchTables } from '../../src/watch/install.ts'
import { watchStatus } from '../../src/watch/watched.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { createSeededEntropy } from '../support/virtual-clock.ts'
import { openCounters } from './watch-runner.ts'

const KILLS = Number(process.env['KCK_KILLS'] ?? 4)
const COUNTERS = 20

let folder: string
let database: TestDatabase
let opened: ReturnType<typeof openCounters>
const drainers: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kck-watch-'))
  database = await createDatabase(inject('postgres').connectionString, 'watched')
  opened = openCounters(folder, database.connectionString)
  await sql('create table counters (id int primary key, n int not null)')
  await sql(`insert into counters select id, 0 from generate_series(1, ${COUNTERS}) id`)
  await watchTables(opened, ['counters'])
})
afterAll(async () => {
  for (const drainer of drainers) drainer.kill('SIGKILL')
  await opened?.kck.close()
  await database?.drop()
  rmSync(folder, { recursive: true, force: true })
})

const sql = (text: string) => opened.source.transaction((transaction) => transaction.query(statementOf(text), {}))
const keys = Array.from({ length: COUNTERS }, (_, index) => [`counter/${index + 1}`, `above/${index + 1}`]).flat()

async function startDraining(): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'watch-runner.ts')
  const arguments_ = [script, folder, database.connectionString]
  const drainer = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] })
  drainers.push(drainer)
  await once(drainer.stdout as NodeJS.ReadableStream, 'data')
  return drainer
}

test(`${KILLS} times whoever drains is killed at any instant: no change is missed`, { timeout: 120_000 }, async () => {
  const chance = createSeededEntropy(Number(process.env['KCK_SEED'] ?? 1))
  for (let kill = 0; kill <= KILLS; kill++) {
    await opened.kck.fetchMany(keys, { maxStaleMs: 0, deadline: Date.now() + 30_000 })
    const drainer = await startDraining()
    const killed = kill < KILLS ? sleep(chance.random() * 400).then(() => drainer.kill('SIGKILL')) : null
    for (let write = 0; write < 10; write++) {
      await sql(`update counters set n = n + 1 where id = ${1 + Math.floor(chance.random() * COUNTERS)}`)
    }
    await killed
  }
  while ((await watchStatus(opened.source)).waiting > 0) await sleep(20)
  const { wrong, stale } = await judged()
  expect(wrong).toEqual([])
  expect(stale.length).toBeGreaterThan(0)
})

/** The products that count as fresh and are not what the table says, and those that are stale. */
async function judged() {
  const { rows } = await opened.source.query(statementOf('select id, n from counters'), {})
  const truth = new Map(rows.map(([id, n]) => [String(id), n]))
  const found = await Promise.all(keys.map((key) => opened.kck.fetch(key)))
  const fresh = found.filter(({ state }) => state === 'fresh')
  const values = await Promise.all(
    fresh.map(async ({ body }) => JSON.parse(Buffer.from(await body.bytes('identity')).toString()).value),
  )
  return {
    wrong: fresh.filter(({ key }, index) => values[index] !== truth.get(key.split('/')[1] ?? '')),
    stale: found.filter(({ state }) => state === 'stale'),
  }
}

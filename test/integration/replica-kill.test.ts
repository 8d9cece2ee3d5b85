import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deserialize } from 'node:v8'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { UpdateLog } from '../../src/ports/update-log.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import { openFileSnapshots } from '../../src/replica/open-snapshots.ts'
import { decodeUpdate } from '../../src/replica/update-codec.ts'
import { createLogKeyspace } from '../support/cassandra/log-keyspace.ts'
import { type Child, startChild } from '../support/child.ts'
import { createDatabase } from '../support/postgres.ts'
import { openTestLog, type TestLog } from './replica-logs.ts'

/** Kills of a writer, each of them with a reader of its machine every second time. */
const KILLS = Number(process.env['KCK_KILLS'] ?? 4)

interface Report {
  readonly reads: number
  readonly backwards: number
  readonly wrong: number
  readonly faults: number
  readonly updateId: number
  readonly size: number
  readonly digest: string
}

let folder: string
const children: Child[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kck-replica-kill-'))
})
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()))
  rmSync(folder, { recursive: true, force: true })
})

test('a log in a folder: three readers, two writers, kill -9', { timeout: 240_000 }, async () => {
  await endure({ kind: 'file', path: join(folder, 'log') })
})

test('with snapshots and compaction, and machines that begin with nothing', { timeout: 240_000 }, async () => {
  await endure({ kind: 'file', path: join(folder, 'log') }, { compacting: true })
})

test('a log in PostgreSQL: three readers, two writers, kill -9', { timeout: 240_000 }, async () => {
  const database = await createDatabase(inject('postgres').connectionString, 'replica')
  await endure({ kind: 'postgres', connectionString: database.connectionString }).finally(() => database.drop())
})

test.skipIf(inject('cassandra') === null)(
  'a log in Cassandra: three readers, two writers, kill -9',
  { timeout: 240_000 },
  async () => {
    const address = inject('cassandra')
    if (address === null) return
    const keyspace = await createLogKeyspace(address)
    await endure({ kind: 'cassandra', address, keyspace: keyspace.name }).finally(() => keyspace.drop())
  },
)

/**
 * Machine 1 has writer a and two readers, machine 2 writer b and one reader. `compacting`: the writers take snapshots
 * and compact, and the third reader comes back on a new machine.
 */
async function endure(what: TestLog, { compacting = false } = {}): Promise<void> {
  const log = await openTestLog(what)
  await log.createSchema()
  const snapshotsPath = compacting ? join(folder, 'snapshots') : ''
  const start = (mode: string, name: string, machine: string) => {
    const script = join(import.meta.dirname, 'replica-process.ts')
    const child = startChild(script, mode, name, join(folder, machine), JSON.stringify(what), snapshotsPath)
    children.push(child)
    return child
  }
  const readers = [start('read', '1', 'one'), start('read', '2', 'one'), start('read', '3', 'two')]
  const writers = [start('write', 'a', 'one'), start('write', 'b', 'two')]
  await Promise.all([...readers, ...writers].map((child) => child.seen(/ready/)))

  const said: string[] = []
  const end = async (writer: Child) => {
    await writer.kill()
    // The last line may have been cut off; everything before it was acknowledged.
    said.push(...writer.text().split('\n').slice(0, -1))
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const [index, name, machine] = kill % 2 === 0 ? ([0, 'a', 'one'] as const) : ([1, 'b', 'two'] as const)
    const victim = writers[index] as Child
    const lines = 15 + ((kill * 17) % 40)
    await victim.seen((text) => text.split('\n').length > lines)
    if (index === 1) {
      await readers[2]?.kill()
      readers[2] = start('read', '3', compacting ? `new ${kill}` : 'two')
    }
    await end(victim)
    writers[index] = start('write', name, machine)
  }
  for (const writer of writers) {
    await writer.seen(/\nack/)
    await end(writer)
  }
  await Promise.all(readers.map((reader) => reader.seen(/ready/)))
  const reports = await Promise.all(readers.map((reader) => reader.finish<Report>()))

  const truth = compacting ? await rebuilt(log, snapshotsPath) : await replayed(log)
  const { head, floor } = await log.state()
  await log.close()
  const sorted = [...truth].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const digest = createHash('sha256')
    .update(sorted.map(([key, value]) => `${key}=${value};`).join(''))
    .digest('hex')
  const acknowledged = said.filter((line) => line.startsWith('ack'))
  const reads = reports.reduce((sum, report) => sum + report.reads, 0)
  const figures = { kills: KILLS + 2, updates: head, floor, acknowledged: acknowledged.length, reads }
  process.stdout.write(`replica, ${what.kind}: ${JSON.stringify(figures)}\n`)

  const whole = { backwards: 0, wrong: 0, faults: 0, updateId: head, size: truth.size, digest }
  expect(reports).toMatchObject([whole, whole, whole])
  expect(said.filter((line) => line.startsWith('lost'))).toEqual([])
  expect(floor > 0).toBe(compacting)
  for (const line of acknowledged) {
    const [, counter = '', number] = line.split(' ')
    expect(truth.get(counter)).toBeGreaterThanOrEqual(Number(number))
  }
}

/** What the log says, from its start, without a replica. */
async function replayed(log: UpdateLog): Promise<Map<string, number>> {
  const truth = new Map<string, number>()
  const { head } = await log.state()
  for (let after = 0; after < head; ) {
    const page = await log.read(after, { bytes: 1_000_000 })
    for (const { key, value } of page.updates.flatMap(({ contents }) => decodeUpdate(contents))) {
      if (value === null) truth.delete(Buffer.from(key).toString())
      else truth.set(Buffer.from(key).toString(), deserialize(value) as number)
    }
    after = page.through
  }
  return truth
}

/** What a machine that has nothing makes of the newest snapshot and the log. */
async function rebuilt(log: UpdateLog, snapshotsPath: string): Promise<Map<string, number>> {
  const snapshots = openFileSnapshots({ path: snapshotsPath })
  const replica = await openReplica<number>({ name: 'test', path: join(folder, 'last'), log, snapshots, follow: false })
  const truth = new Map(replica.entries())
  await replica.close()
  return truth
}
